# SPDX-License-Identifier: Apache-2.0
"""`cifar_cam_bench` with more libraries: torch-cam and captum, fastai and Lightning.

`make bench` installs them and runs this file, with ARGS such as "cam --data cifar10 --json FILE".
Each library is called as its own documentation shows."""
import logging
import sys
from contextlib import contextmanager
from functools import partial
from warnings import catch_warnings

import torch
import torch.nn.functional as F

from cifar_cam.bench import (CAM_PEERS, TRAIN_PEERS, CamPeer, StepTimer, TrainPeer,
                             torchvision_batches)
from cifar_cam.data import MEAN, STD
from cifar_cam.resnet import get_layer, resnet18


# Maps

def torch_cam(model, layer):
    from torchcam.methods import GradCAM

    def run(xb, t):
        with GradCAM(model, layer) as cam: return cam(t.tolist(), model(xb))
    return run


def torch_cam_all_classes(model, layer):
    "One forward pass, and a backward pass for each class"
    from torchcam.methods import GradCAM

    def run(xb, t):
        with GradCAM(model, layer) as cam:
            logits = model(xb)
            return [cam(c, logits, retain_graph=True) for c in range(logits.shape[1])]
    return run


def captum(model, layer):
    with catch_warnings(action='ignore'):  # its progress bars miss ipywidgets
        from captum.attr import LayerGradCam

    def run(xb, t):
        method = LayerGradCam(model, get_layer(model, layer))
        return method.attribute(xb, t, relu_attributions=True)
    return run


# Training steps: images per second of an epoch

@contextmanager
def silent():
    "Hide log messages and warnings, and restore the setting of cuDNN that fastai changes"
    disabled, benchmark = logging.root.manager.disable, torch.backends.cudnn.benchmark
    logging.disable(logging.WARNING)
    try:
        with catch_warnings(action='ignore'): yield
    finally:
        logging.disable(disabled)
        torch.backends.cudnn.benchmark = benchmark


def fastai_learner(images, width, bs, device):
    """As in https://docs.fast.ai/tutorial.datablock.html: each image is cropped with Pillow,
    and whole batches are flipped and normalised"""
    from fastai.vision.all import (
        SGD, CategoryBlock, CropPad, DataBlock, Flip, ImageBlock, IndexSplitter, ItemGetter,
        Learner, Normalize, PadMode, RandomCrop)
    block = DataBlock(
        (ImageBlock, CategoryBlock(list(images.classes), sort=False)),
        getters=[ItemGetter(0), ItemGetter(1)],
        splitter=IndexSplitter([]),
        item_tfms=[CropPad(40, pad_mode=PadMode.Zeros), RandomCrop(32)],
        batch_tfms=[Flip(), Normalize.from_stats(MEAN, STD)])
    items = list(zip(images.x, images.names))
    loaders = block.dataloaders(items, bs=bs, num_workers=0, device=device)
    sgd = partial(SGD, mom=0.9)
    return Learner(loaders, resnet18(width=width), opt_func=sgd, lr=0.1, wd=5e-4)


@silent()
def fastai_rate(images, width, bs, device):
    from fastai.callback.core import Callback
    timer, rates = StepTimer(), []

    class TimeSteps(Callback):
        order = 99  # after all others
        def after_batch(self): timer.step(len(self.y))
        def after_train(self): rates.append(timer.rate())

    learner = fastai_learner(images, width, bs, device)
    with learner.no_bar(), learner.no_logging(): learner.fit(1, cbs=TimeSteps())
    return rates[0]


@silent()
def lightning_rate(images, width, bs, device):
    "As in https://github.com/Lightning-AI/pytorch-lightning, with the batches of pytorch-cifar"
    import lightning
    timer, rates = StepTimer(), []

    class Classifier(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.model = resnet18(width=width)

        def training_step(self, batch, i):
            x, y = batch
            loss = F.cross_entropy(self.model(x), y)
            self.log('train_loss', loss)
            return loss

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)

    class TimeSteps(lightning.Callback):
        def on_train_batch_end(self, trainer, module, outputs, batch, i): timer.step(len(batch[1]))
        def on_train_epoch_end(self, trainer, module): rates.append(timer.rate())

    trainer = lightning.Trainer(
        accelerator=device, devices=1, max_epochs=1, callbacks=TimeSteps(), logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)
    trainer.fit(Classifier(), torchvision_batches(images, bs))
    return rates[0]


if __name__ == '__main__':
    from cifar_cam.cli import bench_command
    CAM_PEERS['torch-cam'] = CamPeer('torchcam', torch_cam, torch_cam_all_classes)
    CAM_PEERS['captum'] = CamPeer('captum', captum)
    TRAIN_PEERS['fastai'] = TrainPeer('fastai', fastai_rate)
    TRAIN_PEERS['Lightning'] = TrainPeer('lightning', lightning_rate)
    sys.argv[0] = 'cifar_cam_bench'  # a command reads the command line only under its own name
    bench_command()
