// SPDX-License-Identifier: Apache-2.0
// Checks pages as their readers see them: light and dark, on a phone and on a desktop; reports also without JavaScript, on paper, with the keyboard.
// node browser.mjs --browser CHROMIUM --title TITLE [--shots DIR] FILE...     reports
// node browser.mjs --browser CHROMIUM --site FOLDER --host URL [--part]       a built site, or a part of it
import {existsSync, mkdirSync, readdirSync, readFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {basename, dirname, extname, join, resolve, sep} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {parseArgs} from 'node:util';

import axe from 'axe-core';
import puppeteer from 'puppeteer-core';

const SCHEMES = ['light', 'dark'];
const PHONE = {width: 390, height: 844, isMobile: true, hasTouch: true}, DESKTOP = {width: 1280, height: 900};
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
const CONTROLS = 'a[href], button, select, input, textarea, summary, [tabindex]';

const {values: {browser: executablePath, title: TITLE, shots, site, host, part}, positionals: FILES} = parseArgs({
  options: {browser: {type: 'string'}, title: {type: 'string'}, shots: {type: 'string'}, site: {type: 'string'},
            host: {type: 'string'}, part: {type: 'boolean'}}, allowPositionals: true});
const count = {passed: 0, failed: 0};


// Tools

const brief = html => html.replace(/data:[^"]{20,}/g, 'data:…').replace(/\s+/g, ' ').slice(0, 160);

function some(problems, n = 5) {
  const more = problems.length - n;
  return problems.slice(0, n).join('; ') + (more > 0 ? `; and ${more} more` : '');
}

async function check(name, find) {
  const problems = await Promise.resolve().then(find).catch(e => [`${e.name}: ${e.message}`]);
  count[problems.length ? 'failed' : 'passed'] += 1;
  console.log(problems.length ? `FAIL ${name}: ${some(problems)}` : `ok   ${name}`);
}

function watch(page, base) {
  const errors = [], requests = [];
  page.on('console', m => { if (m.type() === 'error') errors.push(m.text()); });
  page.on('pageerror', e => errors.push(String(e)));
  page.on('request', r => {
    const mine = r.url().startsWith(base) || r.url().startsWith('data:');
    if (!mine) requests.push(brief(r.url()));
    mine ? r.continue() : r.abort();
  });
  return {errors, requests};
}

async function open(browser, file, {scheme = 'light', size = DESKTOP, js = true, url = pathToFileURL(file).href, base = url} = {}) {
  const page = await browser.newPage(), seen = watch(page, base);
  await page.setRequestInterception(true);
  await page.setViewport(size);
  await page.emulateMediaFeatures([{name: 'prefers-color-scheme', value: scheme}]);
  await page.setJavaScriptEnabled(js);
  await page.goto(url);
  return {page, file, width: size.width, ...seen};
}

const unfold = page => page.$$eval('details', all => all.forEach(o => { o.open = true; }));


// Checks: each returns the problems that it finds

async function harmless({page}) {
  const ran = await page.evaluate(() => 'hacked' in window);
  const shown = await page.evaluate(() => [document.title, document.querySelector('h1').textContent]);
  return [...ran ? ['its script ran'] : [], ...shown.filter(o => o !== TITLE).map(o => `it is shown as ${o}`)];
}

function resolves(href, file) {
  const to = new URL(href, pathToFileURL(file));
  if (['data:', 'https:'].includes(to.protocol)) return true; // no network here, so an address elsewhere is not tried
  return to.protocol === 'file:' && fileURLToPath(to).startsWith(dirname(file) + sep) && existsSync(fileURLToPath(to));
}

async function deadLinks({page, file}) {
  const links = await page.$$eval('[href]', all => all.map(o => {
    const href = o.getAttribute('href'), target = document.getElementById(decodeURIComponent(href.slice(1)));
    return {href, html: o.outerHTML, found: Boolean(target)};
  }));
  return links.filter(o => !(o.href.startsWith('#') ? o.found : resolves(o.href, file))).map(o => brief(o.html));
}

async function sideways({page, width}) {
  const [laid, needs] = await page.$eval('html', o => [o.clientWidth, o.scrollWidth]);
  if (laid !== width) return [`a screen of ${width} pixels gets a page of ${laid}`];
  return needs > width ? [`it is ${needs} pixels wide`, ...await tooWide(page)] : [];
}

async function tooWide(page) {
  const kinds = await page.evaluate(() => {
    const clips = o => o !== document.body && (getComputedStyle(o).overflowX !== 'visible' || clips(o.parentElement));
    const end = o => { const {left, right} = o.getBoundingClientRect(); return Math.max(right, left + o.scrollWidth); };
    const wide = [...document.querySelectorAll('body *')].filter(o => end(o) > document.documentElement.clientWidth + 1 && !clips(o));
    const inner = wide.filter(o => !wide.some(other => other !== o && o.contains(other)));
    const kinds = new Map(inner.reverse().map(o => [`${o.tagName} ${o.className}`, o.outerHTML]));
    return [...kinds.values()].reverse();
  });
  return kinds.map(brief);
}

async function images({page}) {
  const bad = await page.$$eval('img', async all => {
    all.forEach(o => { o.loading = 'eager'; });
    await Promise.all(all.map(o => o.decode().catch(() => null)));
    return all.length ? all.filter(o => !o.naturalWidth || !o.alt.trim()).map(o => o.outerHTML) : ['there is none'];
  });
  return bad.map(brief);
}

async function violations({page}) {
  await page.evaluate(axe.source);
  const found = await page.evaluate(values => window.axe.run({runOnly: {type: 'tag', values}}), TAGS);
  const where = o => `${o.target.join(' ')} ${brief(o.html)} ${o.any.concat(o.all, o.none)[0]?.message ?? ''}`;
  return found.violations.map(o => `${o.id} (${o.help}), ${o.nodes.length} times: ${o.nodes.slice(0, 3).map(where).join(' | ')}`);
}

async function tabbed(page) {
  const n = await page.evaluate(css => {
    const usable = o => o.tabIndex >= 0 && !o.disabled && o.checkVisibility({visibilityProperty: true});
    window.controls = [...document.querySelectorAll(css)].filter(usable);
    return window.controls.length;
  }, CONTROLS);
  const stops = new Map();
  for (let i = 0; i < 2*n + 10; i++) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const o = document.activeElement, {outlineStyle, outlineWidth} = getComputedStyle(o);
      return {i: window.controls.indexOf(o), body: o === document.body, ring: outlineStyle !== 'none' && parseFloat(outlineWidth) > 0};
    });
    if (stop.body || stops.get(0) !== undefined && stop.i === 0) break;
    stops.set(stop.i, stop);
  }
  return stops;
}

async function keyboard({page}) {
  const stops = await tabbed(page), html = await page.evaluate(() => window.controls.map(o => o.outerHTML));
  const missed = html.filter((_, i) => !stops.has(i)).map(o => `Tab does not reach ${brief(o)}`);
  const unseen = html.filter((_, i) => stops.get(i)?.ring === false).map(o => `no outline on ${brief(o)}`);
  return html.length ? [...missed, ...unseen] : ['there is no control'];
}

async function bareHeadings({page}) {
  const seen = await page.$$eval('h1, h2, h3', all => all.map(o => ({tag: o.tagName, html: o.outerHTML, shown: o.checkVisibility()})));
  const lacking = ['H1', 'H2'].filter(tag => !seen.some(o => o.tag === tag)).map(o => `there is no ${o}`);
  return [...lacking, ...seen.filter(o => !o.shown).map(o => `not shown: ${brief(o.html)}`)];
}

async function bareImages({page}, all) {
  const seen = await page.$$eval('img', imgs => imgs.map(o => ({html: o.outerHTML, shown: o.naturalWidth && o.checkVisibility()})));
  return [...seen.length < all ? [`${seen.length} of ${all} are there`] : [], ...seen.filter(o => !o.shown).map(o => brief(o.html))];
}

async function idleControls({page}) {
  return (await page.$$eval('button, select, input', all => all.filter(o => o.checkVisibility()).map(o => o.outerHTML))).map(brief);
}

async function paper({page}) {
  await page.emulateMediaType('print');
  const pdf = Buffer.from(await page.pdf({format: 'A4'})).toString('latin1');
  const parts = {'no text': /\/Type \/Font\b/, 'no image': /\/Subtype \/Image\b/};
  return Object.keys(parts).filter(o => !parts[o].test(pdf));
}


// Views of a report

async function view(browser, file, scheme, size) {
  const v = await open(browser, file, {scheme, size}), kind = basename(dirname(file)), name = `${kind}, ${scheme}, ${size.width}`;
  if (shots) await v.page.screenshot({path: join(shots, `${kind}-${scheme}-${size.width}.png`), fullPage: true});
  await unfold(v.page);
  await check(`${name}: the title is text`, () => harmless(v));
  await check(`${name}: every link leads somewhere`, () => deadLinks(v));
  await check(`${name}: the page does not scroll sideways`, () => sideways(v));
  await check(`${name}: every image is loaded and has an alternative text`, () => images(v));
  await check(`${name}: Tab reaches every control, and it shows`, () => keyboard(v));
  await check(`${name}: axe finds no violation`, () => violations(v));
  await check(`${name}: no error on the console`, () => v.errors);
  await check(`${name}: no request`, () => v.requests);
  await v.page.close();
}

async function countImages(browser, file) {
  const {page} = await open(browser, file), n = (await page.$$('img')).length;
  await page.close();
  return n;
}

async function withoutScript(browser, file) {
  const v = await open(browser, file, {js: false}), name = `${basename(dirname(file))}, without JavaScript`;
  await check(`${name}: no control that does nothing`, () => idleControls(v));
  await unfold(v.page);
  await check(`${name}: headings are shown`, () => bareHeadings(v));
  await check(`${name}: every image is shown`, async () => bareImages(v, await countImages(browser, file)));
  await v.page.close();
}

async function printed(browser, file) {
  const v = await open(browser, file);
  await check(`${basename(dirname(file))}: a PDF has text and images`, () => paper(v));
  await v.page.close();
}

// A site: all pages in FOLDER, from a server of our own

const TYPES = {'.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.json': 'application/json', '.png': 'image/png',
               '.svg': 'image/svg+xml', '.woff2': 'font/woff2'};

function serve(root) {
  const server = createServer((request, answer) => {
    const file = join(root, decodeURIComponent(new URL(request.url, 'http://x').pathname));
    const there = file.startsWith(root + sep) && existsSync(file) && extname(file);
    answer.writeHead(there ? 200 : 404, {'content-type': TYPES[extname(file)] ?? 'application/octet-stream'});
    answer.end(there ? readFileSync(file) : '');
  });
  return new Promise(done => server.listen(0, '127.0.0.1', () => done(server)));
}

const pagesOf = root => readdirSync(root, {recursive: true}).filter(o => o.endsWith('.html') && !/(^|\/)(site_libs|[^/]*_files)\//.test(o)).sort();

// Links of a page as the page and the anchor that they lead to, and what the page itself has
async function links({page}) {
  return page.evaluate(() => ({
    anchors: [...document.querySelectorAll('[id], a[name]')].map(o => o.id || o.name),
    links: [...document.querySelectorAll('a[href]')].map(o => ({
      href: o.href, name: o.children.length === 1 && o.firstElementChild.tagName === 'CODE' ? o.textContent : ''}))}));
}

function deadEnds({links: all}, base, pages) {
  const problems = [];
  for (const {href, name} of all) {
    if (!href.startsWith(base) && !href.startsWith(host)) continue;
    const [to, anchor] = href.replace(host, base).slice(base.length).split('#'), file = to.replace(/^\/|\?.*/g, '') || 'index.html';
    if (!pages.has(file)) { if (!part && !existsSync(join(resolve(site), file))) problems.push(href); continue; }
    if (anchor && !pages.get(file).anchors.includes(decodeURIComponent(anchor))) problems.push(href);
    const wanted = name.replace(/\(.*/, '').split('.').pop().toLowerCase();
    if (name && anchor && href.startsWith(host) && !anchor.toLowerCase().endsWith(wanted)) problems.push(`${name} leads to ${href}`);
  }
  return problems;
}

async function leftovers({page}) {
  const text = await page.$eval('main', o => o.innerText);
  return text.match(/.{0,40}(\]\(http|\b0x[0-9a-f]{8,}).{0,40}/g) ?? [];
}

async function built(browser, folder) {
  const root = resolve(folder), server = await serve(root), base = `http://127.0.0.1:${server.address().port}`, pages = new Map();
  for (const file of pagesOf(root)) {
    const at = {url: `${base}/${file}`, base};
    for (const scheme of SCHEMES) {
      const v = await open(browser, file, {...at, scheme});
      if (scheme === 'light') {
        pages.set(file, await links(v));
        await check(`${file}: no source of a link, no address in memory`, () => leftovers(v));
        await check(`${file}: every image is loaded and has an alternative text`, async () => (await images(v)).filter(o => o !== 'there is none'));
      }
      await check(`${file}, ${scheme}: axe finds no violation`, () => violations(v));
      await check(`${file}, ${scheme}: no error on the console`, () => v.errors);
      await check(`${file}, ${scheme}: no request to another host`, () => v.requests);
      await v.page.close();
    }
    const phone = await open(browser, file, {...at, size: PHONE});
    await check(`${file}: a phone does not scroll sideways`, () => sideways(phone));
    await phone.page.close();
  }
  for (const [file, found] of pages) await check(`${file}: every link leads where it says`, () => deadEnds(found, base, pages));
  server.close();
}

async function looked(file, browser) {
  for (const scheme of SCHEMES) for (const size of [PHONE, DESKTOP]) await view(browser, file, scheme, size);
  await withoutScript(browser, file);
  await printed(browser, file);
}

async function main() {
  if (shots) mkdirSync(shots, {recursive: true});
  // No sandbox: root has none, and these pages are our own
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--disable-quic'];
  const browser = await puppeteer.launch({executablePath, args, pipe: true});
  try {
    if (site) await built(browser, site);
    for (const file of FILES) await looked(resolve(file), browser);
  }
  finally { await browser.close(); }
}

await main().catch(e => check('the browser itself', () => { throw e; }));
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = Number(count.failed > 0);
