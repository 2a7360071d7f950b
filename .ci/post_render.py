# SPDX-License-Identifier: Apache-2.0
"""Take the scripts of RequireJS and jQuery out of the site: Quarto adds them from another host to
each page with HTML outputs, and no page uses them"""
import os
import re
from pathlib import Path

HOSTED = r'<script\b[^>]*\bsrc="https?://[^"]*(?:require|jquery)[^"]*"[^>]*></script>\s*'
DEFINED = r"<script\b[^>]*>\s*define\('jquery'.*?</script>\s*"


def cleaned(page):
    "The HTML of a page without these scripts"
    return re.sub(f'{HOSTED}|{DEFINED}', '', page, flags=re.S)


if __name__ == '__main__':
    for name in os.environ['QUARTO_PROJECT_OUTPUT_FILES'].splitlines():
        file = Path(name)
        if file.suffix == '.html':
            file.write_text(cleaned(file.read_text(encoding='utf-8')), encoding='utf-8')
