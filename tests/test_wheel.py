# SPDX-License-Identifier: Apache-2.0
"The package as a user gets it: the wheel in an environment of its own, without nbdev and Jupyter"
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from notebooks import ROOT
from tools import BIN, CFG, LIB, copy, env, must, run

SCRIPTS = [o.split('=')[0] for o in CFG['console_scripts'].split()]
MOST = 30*1024**2  # bytes of the wheel
IMPORTS = f'''
import importlib, pathlib, sys, {LIB}
for o in pathlib.Path({LIB}.__file__).parent.glob('[a-z]*.py'):
    importlib.import_module('{LIB}.' + o.stem)
print(*{{'torchvision', 'albumentations', 'cv2', 'scipy', 'sklearn', 'torch_lr_finder',
         'pytorch_grad_cam', 'jinja2', 'IPython'}} & set(sys.modules))
'''


class User(NamedTuple):
    "Where the wheel is installed, and an empty folder to work in"
    wheel: Path
    bin: Path
    folder: Path
    where: dict

    def script(self, name, *args): return run(self.bin/name, *args, **self.where)
    def python(self, code): return must(self.bin/'python', '-c', code, **self.where).strip()
    def install(self, *what):
        must(BIN/'uv', 'pip', 'install', '-q', '--python', self.bin/'python', *what)


@pytest.fixture(scope='module')
def user(tmp_path_factory, home):
    tmp = tmp_path_factory.mktemp('wheel')
    python, tree = ['--python', sys.executable], copy(tmp/'tree')
    must(BIN/'uv', 'build', '-q', *python, '--wheel', '--out-dir', tmp/'dist', tree)
    must(BIN/'uv', 'venv', '-q', *python, tmp/'venv')
    (tmp/'work').mkdir()
    bin = tmp/'venv'/'bin'
    where = {'cwd': tmp/'work', 'env': env(home, PATH=f'{bin}:/usr/bin:/bin')}
    res = User(next((tmp/'dist').glob('*.whl')), bin, tmp/'work', where)
    res.install('-c', ROOT/'.ci'/'lock.txt', res.wheel)
    return res


def test_wheel_holds_the_package_and_nothing_else(user):
    must(BIN/'check-wheel-contents', user.wheel, cwd=ROOT)
    assert user.wheel.stat().st_size < MOST


def test_nbdev_is_not_installed_with_it(user):
    assert run(user.bin/'python', '-c', 'import nbdev', **user.where)[0] != 0


def test_modules_are_imported_without_what_takes_long_to_load(user):
    assert user.python(IMPORTS) == ''


def test_commands_begin_without_torch(user):
    heavy = "{'torch', 'numpy', 'pandas', 'matplotlib'}"
    assert user.python(f'import sys, {LIB}.cli; print(*{heavy} & set(sys.modules))') == ''


@pytest.mark.parametrize('name', SCRIPTS)
def test_help(user, name):
    rc, out = user.script(name, '--help')
    assert rc == 0 and 'usage' in out.lower()


QUICK = f'''
import {LIB}.shapes, {LIB}.train
from dataclasses import replace
{LIB}.shapes.shapes10.__defaults__ = (300, 100, 100, 0)
recipes = {LIB}.train.RECIPES
for name,r in recipes.items(): recipes[name] = replace(r, epochs=1, warmup=.5)
'''


def test_readme_snippets_run(user):
    "One after the other, with fewer images and one epoch, without a network"
    snippets = re.findall(r'```python\n(.*?)```', (ROOT/'README.md').read_text(), re.S)
    assert len(snippets) == 3
    (user.folder/'snippets.py').write_text(QUICK + '\n'.join(snippets))
    out = must(user.bin/'python', 'snippets.py', **user.where)
    assert out.count('predicted') == 4


def test_version(user):
    assert user.script(f'{LIB}_explain', '--version')[1].strip() == f"{LIB} {CFG['version']}"


@pytest.mark.parametrize('fastcore', ['locked', '2'])
def test_explain(user, fastcore):
    "A PNG for an image; one line for a file that is no image, and for no file"
    if fastcore == '2': user.install('fastcore>=2')
    image = "Image.linear_gradient('L').resize((48, 40))"
    user.python(f"from PIL import Image; {image}.save('image.png')")
    rc, out = user.script(f'{LIB}_explain', 'image.png', '--out', 'cam.png')
    assert rc == 0, out
    assert (user.folder/'cam.png').read_bytes()[:4] == b'\x89PNG'
    (user.folder/'broken.png').write_text('not an image')
    for name in ['broken.png', 'missing.png']:
        rc, out = user.script(f'{LIB}_explain', name, '--out', 'bad.png')
        assert rc != 0 and len(out.strip().splitlines()) == 1 and name in out
        assert not (user.folder/'bad.png').exists()
