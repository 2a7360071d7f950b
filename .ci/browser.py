# SPDX-License-Identifier: Apache-2.0
"""The HTML report and a page of the site in headless Chromium; `--site FOLDER`: a whole built site.

browser.mjs checks two reports on the model `shapes10`, and the pages of PAGES as preview.py renders
them. The last line is `N passed, M failed`. With `--shots DIR` screenshots of reports are kept."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from notebooks import ROOT, settings

PAGES = ['index', 'gradcam', 'explain']
BROWSERS = 'chromium chromium-browser google-chrome'.split()
TITLE = '<script>window.hacked=1</script> "quotes" & <b>bold</b>'
LIMIT = 1200          # seconds for all checks


def write_reports(out):
    "`report` has every section and errors; `bare` has no error, and no record of the training"
    from dataclasses import replace

    import numpy as np
    import torch

    from cifar_cam.analysis import classify, most_confident_correct
    from cifar_cam.label_quality import nearest_neighbours, penultimate_features
    from cifar_cam.report import packaged_run, write_report
    from cifar_cam.shapes import shapes10

    # The model is so small that a second thread, on a busy machine, makes it three times slower
    torch.set_num_threads(1)
    model, training = packaged_run('shapes10')
    data = shapes10(n_train=1000)
    train, images = data.train[:300], data.test[:300]
    images = replace(images, x=(0.4*images.x + 72).astype(np.uint8))  # low contrast, to get errors
    features = [penultimate_features(model, o) for o in (images, train)]
    neighbours = nearest_neighbours(images, train, *features)
    write_report(out/'report', model, images, training=training, layer='layer3', k=6, title=TITLE,
                 neighbours=neighbours, train=train)
    correct = most_confident_correct(classify(model, images), 20)
    write_report(out/'bare', model, images[correct], k=2, title=TITLE)
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
    return found() or sys.exit("A browser is needed: install Debian's package chromium, or put "
                               f"one of {', '.join(BROWSERS)} on PATH")


def look(browser, site, *more):
    "Exit status of the checks"
    cfg = settings()
    cmd = ['node', ROOT/'.ci'/'browser.mjs', '--browser', browser, '--title', TITLE]
    cmd += ['--site', site, '--host', cfg['doc_host'] + cfg['doc_baseurl'], *more]
    return subprocess.run(cmd, stdin=subprocess.DEVNULL, timeout=LIMIT).returncode


def look_at_ours(browser, tmp, shots):
    "Exit status of the checks of reports and pages that are made here"
    subprocess.run([sys.executable, ROOT/'.ci'/'preview.py', tmp/'site', *PAGES],
                   stdout=subprocess.DEVNULL, check=True)
    more = ['--shots', shots] if shots else []
    return look(browser, tmp/'site', '--part', *more, *write_reports(tmp))


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument('--shots', type=Path, help='folder for screenshots of the reports')
    ap.add_argument('--site', type=Path, help='folder of a built site, to check instead')
    args, browser = ap.parse_args(), chromium()
    if args.site: sys.exit(look(browser, args.site))
    (ROOT/'build').mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT/'build', ignore_cleanup_errors=True) as tmp:
        try:
            sys.exit(look_at_ours(browser, Path(tmp), args.shots))
        except Exception as e:
            traceback.print_exc()
            print(f'FAIL pages are made and checked: {type(e).__name__}: {e}')
            print('0 passed, 1 failed')
            sys.exit(1)


if __name__ == '__main__': main()
