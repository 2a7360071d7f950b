# SPDX-License-Identifier: Apache-2.0
"Fixtures: every page by name, pages that run in the background, and the last line of `make test`"
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from notebooks import code_cells, find_cifar, flags, pages, read, relative
from tools import copy, env, run

WITH_CIFAR10 = [p for p in pages() if any('cifar10' in flags(c) for c in code_cells(read(p)))]


def pytest_addoption(parser):
    parser.addoption('--both-ways', action='store_true',
                     help='run pages that have cells for CIFAR-10 without it as well')


def ways(both):
    """Pages and how they run: with CIFAR-10 those that have cells for it, if it is there; the
    others plain. No plain cell uses a name of a flagged one, so a second run finds little."""
    found = find_cifar()
    return ([(p, 'plain') for p in pages() if both or not found or p not in WITH_CIFAR10]
            + [(p, 'cifar10') for p in WITH_CIFAR10])


def pytest_generate_tests(metafunc):
    "A test of `page` is one for each page; a test of `page, how` is one for each way to run it"
    if 'how' in metafunc.fixturenames:
        chosen = ways(metafunc.config.option.both_ways)
        metafunc.parametrize('page, how', chosen, ids=[f'{p.stem}-{how}' for p, how in chosen])
    elif 'page' in metafunc.fixturenames:
        metafunc.parametrize('page', pages(), ids=lambda p: p.stem)


def pytest_unconfigure(config):
    "The last line, as other programs read it: N passed, M failed"
    reporter = config.pluginmanager.get_plugin('terminalreporter')
    if not reporter or config.option.collectonly or hasattr(config, 'workerinput'): return
    n = {o: len(reporter.stats.get(o, [])) for o in ('passed', 'failed', 'error')}
    print(f"{n['passed']} passed, {n['failed'] + n['error']} failed", flush=True)


@pytest.fixture(scope='session')
def home(tmp_path_factory):
    "An empty home"
    return tmp_path_factory.mktemp('home')


class Runs:
    "Pages that are run in the background, two at a time, each way of running in a copy of its own"
    def __init__(self, chosen, tmp, home):
        self.chosen, self.home, self.data = set(chosen), home, tmp/'coverage'
        self.data.mkdir()
        self.trees = {how: copy(tmp/how) for how in sorted({how for _, how in chosen})}
        self.before = {how: self.files(how) for how in self.trees}
        self.pool = ThreadPoolExecutor(2)
        self.futures = {o: self.pool.submit(self.run, *o) for o in chosen}

    def files(self, how):
        "Files of the copy, with the time of their last change"
        tree = self.trees[how]
        return {o.relative_to(tree).as_posix(): o.stat().st_mtime_ns for o in tree.rglob('*')
                if o.is_file() and '__pycache__' not in o.parts}

    def run(self, page, how):
        "Exit status and output of nbdev_test on a page; coverage.py counts lines of the package"
        tree = self.trees[how]
        cmd = [sys.executable, '-m', 'coverage', 'run', '.ci/timed.py']
        cmd += ['--path', f'nbs/{relative(page)}']
        more = {'PYTHONPATH': str(tree), 'COVERAGE_FILE': str(self.data/'.coverage')}
        if how == 'cifar10':
            cmd += ['--flags', 'cifar10']
            more['CIFAR_CAM_DATA'] = str(find_cifar())
        return run(*cmd, cwd=tree, env=env(self.home, **more))

    def result(self, page, how): return self.futures[page, how].result()

    def wait(self):
        "All results"
        return [o.result() for o in self.futures.values()]


@pytest.fixture(scope='session')
def runs(request, tmp_path_factory, home):
    "The chosen pages, begun in the background as soon as a test asks for one"
    chosen = [(o.callspec.params['page'], o.callspec.params['how'])
              for o in request.session.items if o.originalname == 'test_runs']
    if not find_cifar(): chosen = [o for o in chosen if o[1] != 'cifar10']
    res = Runs(chosen, tmp_path_factory.mktemp('pages'), home)
    yield res
    res.pool.shutdown(cancel_futures=True)
