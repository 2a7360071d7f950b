# SPDX-License-Identifier: Apache-2.0
"The other libraries of `make bench`, where they are installed"
import logging
from dataclasses import replace

import pytest
import torch

import bench_peers as peers
from cifar_cam.data import denormalize, normalize
from cifar_cam.gradcam import grad_cam
from cifar_cam.shapes import shapes10
from cifar_cam.zoo import pretrained


@pytest.fixture(scope='module')
def few(): return shapes10(n_train=1000).train[:64]


def scaled(maps):
    "Each map to [0,1], as torch-cam has it"
    low, high = maps.amin((-2, -1), keepdim=True), maps.amax((-2, -1), keepdim=True)
    return (maps - low)/(high - low).clamp(min=1e-9)


def test_captum_computes_the_same_maps(few):
    pytest.importorskip('captum')
    model, xb, t = pretrained('shapes10'), normalize(few.x[:8]), torch.from_numpy(few.y[:8])
    maps = peers.captum(model, 'layer3')(xb, t)
    assert torch.allclose(maps.squeeze(1), grad_cam(model, xb, 'layer3', t).maps, atol=1e-5)


def test_torch_cam_computes_the_same_maps(few):
    pytest.importorskip('torchcam')
    model, xb, t = pretrained('shapes10'), normalize(few.x[:8]), torch.from_numpy(few.y[:8])
    maps, = peers.torch_cam(model, 'layer3')(xb, t)
    assert torch.allclose(maps, scaled(grad_cam(model, xb, 'layer3', t).maps), atol=1e-4)
    all_maps = peers.torch_cam_all_classes(model, 'layer3')(xb, t)
    ours = scaled(grad_cam(model, xb, 'layer3', 'all').maps)
    assert torch.allclose(torch.stack([m for m, in all_maps], 1), ours, atol=1e-4)


def settings():
    return logging.root.manager.disable, torch.backends.cudnn.benchmark, torch.get_num_threads()


RATES = [('fastai', peers.fastai_rate), ('lightning', peers.lightning_rate)]

@pytest.mark.parametrize('module, rate', RATES)
def test_loop_runs_and_restores_settings(module, rate, few):
    pytest.importorskip(module)
    before = settings()
    assert rate(few, 8, 32, 'cpu') > 0
    assert settings() == before


def test_fastai_augments_in_the_same_way(few):
    pytest.importorskip('fastai')
    half_white = replace(few, x=few.x*0)
    half_white.x[:, :, :16] = 255
    with peers.silent(): learner = peers.fastai_learner(half_white, 8, 32, 'cpu')
    xb, yb = learner.dls.one_batch()
    assert (xb.shape, xb.dtype, yb.shape) == ((32, 3, 32, 32), torch.float32, (32,))
    x = denormalize(xb.as_subclass(torch.Tensor))
    n_white = (x == 255).mean((1, 2, 3))*32*32
    flipped = x[:, :, 16:].mean((1, 2, 3)) > x[:, :, :16].mean((1, 2, 3))
    assert ((x == 0) | (x == 255)).all()
    assert 28*12 <= n_white.min() < n_white.max() <= 32*16
    assert 0 < flipped.mean() < 1
    assert list(learner.dls.vocab) == list(few.classes)
    assert (len(learner.dls.train_ds), len(learner.dls.valid_ds)) == (64, 0)
