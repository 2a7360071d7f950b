# SPDX-License-Identifier: Apache-2.0
"""The HTML report in headless Chromium: two reports are written with the packaged shapes10 net, and browser.mjs looks at them.

The last line is `N passed, M failed`. With `--shots DIR` full-page pictures are kept."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from notebooks import ROOT

BROWSERS = 'chromium chromium-browser google-chrome'.split()
TITLE = '<script>window.hacked=1</script> "quotes" & <b>bold</b>'
LIMIT = 300           # seconds for all checks


def write_reports(out):
    "`report` has every section and mistakes; `bare` has no mistake, and nobody knows how its net was made"
    from dataclasses import replace

    import numpy as np
    import torch

    from cifar_cam.analysis import classify, surest
    from cifar_cam.data import shapes10
    from cifar_cam.doubts import features, nearest
    from cifar_cam.report import packaged_run, write_report

    torch.set_num_threads(1)        # the net is so small that a second thread, on a busy machine, makes it three times slower
    net, card, history, sweep = packaged_run('shapes10')
    data = shapes10(n_train=1000)
    train, pics = data.train[:300], data.test[:300]
    pics = replace(pics, x=(0.4*pics.x + 72).astype(np.uint8))      # low contrast, so that there are mistakes
    near = nearest(pics, train, features(net, pics), features(net, train))
    write_report(out/'report', net, pics, card, history, sweep, layer='layer3', k=6, title=TITLE, near=near, train=train)
    write_report(out/'bare', net, pics[surest(classify(net, pics), 20)], k=2, title=TITLE)
    return [out/'report'/'index.html', out/'bare'/'index.html']


def found(): return next(filter(None, map(shutil.which, BROWSERS)), None)


def install():
    "Chromium from Debian's packages, if that is possible without a question"
    apt = ['apt-get'] if os.geteuid() == 0 else ['sudo', '-n', 'apt-get']
    if not all(map(shutil.which, apt[::2])): return
    print('Chromium is not installed: apt-get install chromium', flush=True)
    for args in ['update -qq', 'install -y -qq --no-install-recommends chromium']:
        subprocess.run([*apt, *args.split()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def chromium():
    "Where a browser is; installs one if there is none"
    if not found(): install()
    return found() or sys.exit(f"A browser is needed: install Debian's package chromium, or put one of {', '.join(BROWSERS)} on PATH")


def look(browser, pages, shots):
    "Exit status of the checks"
    cmd = ['node', ROOT/'.ci'/'browser.mjs', '--browser', browser, '--title', TITLE, *(['--shots', shots] if shots else []), *pages]
    return subprocess.run(cmd, stdin=subprocess.DEVNULL, timeout=LIMIT).returncode


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument('--shots', type=Path, help='folder for pictures of the whole pages')
    shots, browser = ap.parse_args().shots, chromium()
    (ROOT/'build').mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT/'build', prefix='browser-', ignore_cleanup_errors=True) as tmp:
        try: sys.exit(look(browser, write_reports(Path(tmp)), shots))
        except Exception as e:
            traceback.print_exc()
            print(f'FAIL the reports are written and looked at: {type(e).__name__}: {e}\n0 passed, 1 failed')
            sys.exit(1)


if __name__ == '__main__': main()
