// A browser that a test leads: each line of the standard input is an order in JSON, each line
// of the output what came of it. The browser runs no scripts of pages.
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [executablePath, pictures] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ['--host-resolver-rules=MAP *.test 127.0.0.1'] });

// page opens a window without scripts.
async function page(width, height, colorScheme) {
  const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width, height }, colorScheme });
  context.setDefaultTimeout(60_000);
  return context.newPage();
}

// measure is run in the page: what somebody sees who opens it.
function measure() {
  const shown = (nodes) => [...nodes].map((e) => e.textContent.trim());
  const rgb = (text) => text.match(/[\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], below) => [r, g, b].map((c, i) => c * a + below[i] * (1 - a));
  const light = (color) => {
    const [r, g, b] = color.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const ground = (e) => e ? over(rgb(getComputedStyle(e).backgroundColor), ground(e.parentElement)) : dark ? [18, 18, 18] : [255, 255, 255];
  const contrast = (e) => {
    const behind = ground(e), text = over(rgb(getComputedStyle(e).color), behind);
    const [a, b] = [light(text), light(behind)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  const texts = [...document.querySelectorAll('h1,h2,p,td,th,a,dt,dd,button,label')].filter((e) => e.offsetParent && e.textContent.trim());
  const first = document.querySelector('p.ill');
  return {
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    cut: texts.filter((e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline').map((e) => e.textContent.trim().slice(0, 60)),
    contrast: Math.min(...texts.map(contrast)),
    firstAlarmEnds: first ? first.getBoundingClientRect().bottom : 0,
    alarms: shown(document.querySelectorAll('p.ill')),
    well: shown(document.querySelectorAll('p.well')),
    orders: shown(document.querySelectorAll('p.order')),
    text: document.body.innerText,
  };
}

const orders = {
  // look opens a page in every width and colour, and takes pictures of it.
  async look({ url, name }) {
    const seen = [];
    for (const width of [1280, 480]) {
      for (const scheme of ['light', 'dark']) {
        const p = await page(width, 800, scheme);
        await p.goto(url);
        seen.push({ width, scheme, ...await p.evaluate(measure) });
        if (pictures) {
          await p.screenshot({ path: join(pictures, `${name}-${width}-${scheme}.png`) });
          if (scheme === 'light') await p.screenshot({ path: join(pictures, `${name}-${width}-whole.png`), fullPage: true });
        }
        await p.context().close();
      }
    }
    return { seen };
  },
  // act clicks the way from the page to a button of a node's forms.
  async act({ url, part, node, button, anyway, name }) {
    const p = await page(480, 800, 'light');
    await p.goto(url);
    const table = p.locator(`h2:text-is("${part}") ~ table`).first();
    await table.locator('tr', { hasText: node }).first().getByRole('link', { name: 'act' }).click();
    const form = p.locator('form', { has: p.getByRole('button', { name: button, exact: true }) });
    if (pictures && name) await p.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
    const asks = await form.getByRole('checkbox').count();
    if (anyway) await form.getByRole('checkbox').check();
    const answered = p.waitForResponse((r) => r.request().method() === 'POST');
    await form.getByRole('button').click();
    const status = (await answered).status();
    await p.waitForLoadState();
    const end = { asks, status, url: p.url(), ...await p.evaluate(measure) };
    await p.context().close();
    return end;
  },
  // send presses the only button of somebody's page.
  async send({ url }) {
    const p = await page(480, 800, 'light');
    await p.goto(url);
    const answered = p.waitForResponse((r) => r.request().method() === 'POST');
    await p.getByRole('button').click();
    const status = (await answered).status();
    await p.context().close();
    return { status };
  },
  // refreshed waits until the page has come again by itself.
  async refreshed({ url }) {
    const p = await page(480, 800, 'light');
    let loads = 0;
    const again = new Promise((resolve) => p.on('load', () => ++loads === 2 && resolve()));
    await p.goto(url);
    await again;
    await p.context().close();
    return { loads };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { order, ...rest } = JSON.parse(line);
  let answer;
  try {
    answer = await orders[order](rest);
  } catch (err) {
    answer = { error: String(err) };
  }
  console.log(JSON.stringify(answer));
}
await browser.close();
