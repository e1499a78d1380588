"""The report in a real browser: it sorts, filters, fits a phone, and is readable in the dark."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from analysis import load_run
from analysis.formatting import NOTHING
from analysis.report.comparison import write_comparison
from analysis.report.write import write_report
from search.store import Store
from tests.support import small_run
from tests.support.synthetic_runs import STRATEGIES, make_run, with_images

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
# Where the tests gate a change, a missing browser is a failure and no excuse.
if not (BROWSER and DRIVER):
    if os.environ.get("CI"):
        pytest.fail("CI needs Debian's packages chromium and chromium-driver", pytrace=False)
    pytest.skip("no chromium and chromedriver here", allow_module_level=True)

HOSTILE = [
    "</script><script>document.title = 'broken'</script>",
    "\"'><img src=x onerror=\"document.title = 'broken'\">",
    "\u05d0\u05d1\u05d2 (\u202e",
    "y" * 10_000,
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in (
        "headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
        "disable-background-networking", "disable-component-update", "disable-sync",
        f"user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):  # fmt: skip
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER)) as driver:
        yield driver


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Reports of every kind, by name."""
    root = tmp_path_factory.mktemp("runs")
    level = dict.fromkeys(STRATEGIES, 0.7)
    odd = "<i>'\""
    strategies = ("lines", "cnn_lines", "cnn_flat", "line_cnn", "cnn_control")
    runs = {
        "whole": with_images(
            make_run(
                root / "whole", strategies, level, configurations=14, given={"lines": [0, 3]}
            )
        ),
        "hostile": with_images(
            make_run(
                root / "hostile", [odd, *strategies[:2]], level | {odd: 0.7}, message=HOSTILE[0],
                class_names=HOSTILE * 3, dataset="<b>'\" \u05d0",
            )
        ),
        "failed": make_run(root / "failed", broken=STRATEGIES),
        "one": make_run(root / "one", ["lines"], configurations=1),
    }  # fmt: skip
    made = {name: write_report(path).path for name, path in runs.items()}
    made["comparison"] = write_comparison([runs["whole"], runs["hostile"]]).path
    many = [make_run(root / name, strategies, dataset=name) for name in "abcdef"]
    made["many"] = write_comparison(many).path
    unfinished = make_run(root / "open", seeds=0, final_seeds=3, running=1)
    with Store.resume(unfinished) as store:
        store.record_plan("digits", {"lines": (9, 99)})
    made["unfinished"] = write_report(unfinished, unfinished=True).path
    return made


NAMES = ("whole", "hostile", "failed", "one", "comparison", "many", "unfinished")


@contextlib.contextmanager
def shown(browser, page, width=1280, dark=False):
    """Opens a page, and fails for whatever the console has to say in the end."""
    browser.get_log("browser")
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get(page.as_uri())
    yield
    assert browser.get_log("browser") == []
    assert browser.title != "broken"


def column(browser, place):
    cells = browser.find_elements(By.CSS_SELECTOR, f".trials tbody tr > :nth-child({place + 1})")
    return [cell.text for cell in cells]


def heading(browser, place):
    return browser.find_element(By.CSS_SELECTOR, f".trials thead th:nth-child({place + 1})")


def numbers(texts):
    return [float(text.removesuffix(" %")) for text in texts if text != NOTHING]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_overflows_and_the_console_is_silent(browser, pages, name, width):
    with shown(browser, pages[name], width):
        page, window = browser.execute_script(
            """const { scrollWidth, clientWidth } = document.documentElement;
               return [scrollWidth, clientWidth]"""  # without the scroll bar
        )
        assert page == window >= width - 20
        # Nothing sticks out but inside a box that scrolls.
        outside = browser.execute_script(
            """return [...document.body.querySelectorAll("*")].filter(element =>
                 !element.closest(".scroll, svg") && element.getClientRects().length
                 && element.getBoundingClientRect().right > document.documentElement.clientWidth + 1
               ).map(element => element.outerHTML.slice(0, 200))"""
        )
        assert outside == []
        fetched = browser.execute_script(
            "return performance.getEntriesByType('resource').map(entry => entry.name)"
        )
        assert [name for name in fetched if not name.startswith("data:")] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_image_is_shown_and_has_words(browser, pages, name):
    with shown(browser, pages[name]):
        broken = browser.execute_script(
            "return [...document.images].filter(i => !i.complete || !i.naturalWidth).length"
        )
        assert broken == 0
        for figure in browser.find_elements(By.CSS_SELECTOR, "figure"):
            assert figure.find_element(By.TAG_NAME, "figcaption").text
            assert figure.find_element(By.TAG_NAME, "svg").get_attribute("aria-label")


def test_headings_sort_and_say_so(browser, pages):
    with shown(browser, pages["whole"]):
        more = browser.find_element(By.CSS_SELECTOR, ".more")
        while more.is_displayed():
            more.click()
        scores = numbers(column(browser, 2))
        assert len(column(browser, 2)) > len(scores) > 50  # some have failed
        assert scores == sorted(scores, reverse=True)
        assert heading(browser, 2).get_attribute("aria-sort") == "descending"

        browser.find_element(By.CSS_SELECTOR, ".trials thead th:nth-child(3) button").click()
        assert heading(browser, 2).get_attribute("aria-sort") == "ascending"
        assert numbers(column(browser, 2)) == sorted(scores)
        # What has no score is last both ways.
        assert column(browser, 2)[-1] == NOTHING

        # By keyboard: strategies from A to Z, then from Z to A.
        button = heading(browser, 0).find_element(By.TAG_NAME, "button")
        button.send_keys(Keys.ENTER)
        names = column(browser, 0)
        assert names == sorted(names)
        assert heading(browser, 2).get_attribute("aria-sort") == "none"
        button.send_keys(Keys.SPACE)
        assert column(browser, 0) == sorted(names, reverse=True)
        # Amounts by what they are, not by how they are written.
        heading(browser, 5).find_element(By.TAG_NAME, "button").click()
        shown_amounts = [text for text in column(browser, 5) if text != NOTHING]
        assert list(dict.fromkeys(shown_amounts)) == ["10 M", "1 M", "100 k", "10 k", "1 k"]


def test_the_filters_filter(browser, pages):
    trials = load_run(pages["whole"].parents[1]).trials
    with shown(browser, pages["whole"]):
        search, (strategy, status) = (
            browser.find_element(By.CSS_SELECTOR, ".tools input"),
            map(Select, browser.find_elements(By.CSS_SELECTOR, ".tools select")),
        )
        said = browser.find_element(By.CSS_SELECTOR, ".tools output")
        assert f"of {len(trials)} matching" in said.text
        strategy.select_by_visible_text("cnn_lines")
        status.select_by_visible_text("failed")
        wanted = trials[(trials.strategy == "cnn_lines") & (trials.status == "failed")]
        assert len(column(browser, 0)) == len(wanted) > 0
        assert {text.split()[-1] for text in column(browser, 0)} == {"cnn_lines"}
        strategy.select_by_index(0)
        status.select_by_index(0)
        search.send_keys("CNN_lines UNITS=33")
        assert len(column(browser, 0)) == 1
        search.send_keys(" nothing has this")
        assert column(browser, 0) == []
        assert "of 0 matching" in said.text


def test_without_a_script_the_best_trials_are_there(browser, pages):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(pages["whole"].as_uri())
        # Without scripts the browser says sooner that a page is loaded than that it is read.
        WebDriverWait(browser, 30).until(lambda _: column(browser, 2))
        assert len(column(browser, 2)) == 25
        assert not browser.find_element(By.CSS_SELECTOR, ".tools").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_what_was_sorted_stays_sorted_when_the_page_is_loaded_again(browser, tmp_path):
    path = make_run(tmp_path / "run", seeds=0, final_seeds=3, running=1)
    page = write_report(path, unfinished=True).path
    # Half a minute is long for a test.
    text = page.read_text("utf-8")
    page.write_text(text.replace('data-reload="30"', 'data-reload="1"'), "utf-8")
    with shown(browser, page):
        # Each in one script: in between, the page may be loaded again.
        browser.execute_script(
            """document.querySelector(".trials thead th:nth-child(5) button").click();
               document.activeElement.blur();
               window.before = true;"""
        )
        deadline = time.monotonic() + 60
        found = None
        while found is None:
            assert time.monotonic() < deadline, "it was not loaded again"
            time.sleep(0.1)
            with contextlib.suppress(WebDriverException):  # just while it is loaded
                found = browser.execute_script(
                    """if (window.before || document.readyState !== "complete") return null;
                       const table = document.querySelector(".trials");
                       return [table.querySelector("th:nth-child(5)").getAttribute("aria-sort"),
                               table.querySelector("tbody td:nth-child(5)").textContent];"""
                )
        assert found == ["descending", "9"]


CONTRASTS = """
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const worst = [];
  for (const element of document.body.querySelectorAll("*")) {
    const words = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    const silent = element.matches("script, noscript, i") || !element.getClientRects().length;
    if (!words || silent) continue;
    // Numbers in a coloured cell of a figure have the cell for a ground, not the page.
    if (element.closest("svg") && /^[\\d]+$/.test(element.textContent.trim())) continue;
    const style = getComputedStyle(element);
    const ink = parse(element.closest("svg") ? style.fill : style.color);
    const [a, b] = [luminance(ink), luminance(ground(element.closest("svg") || element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    worst.push([contrast, element.outerHTML.slice(0, 120)]);
  }
  return worst.sort((a, b) => a[0] - b[0]);
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_text_stands_out_from_its_ground(browser, pages, name, dark):
    """At least 4.5 to 1, as WCAG 2 asks of text (AA)."""
    with shown(browser, pages[name], dark=dark):
        ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") != dark
        contrasts = browser.execute_script(CONTRASTS)
        assert len(contrasts) > 50
        assert [found for found in contrasts if found[0] < 4.5] == []


def test_names_from_data_make_no_elements(browser, pages):
    with shown(browser, pages["hostile"]):
        assert (
            browser.find_elements(By.CSS_SELECTOR, "body b > i, main b i, th > i:not([class])")
            == []
        )
        assert browser.find_elements(By.CSS_SELECTOR, "img[onerror], img:not([src^='data:'])") == []
        assert "</script><script>" in browser.find_element(By.ID, "failures").text
        assert browser.find_elements(By.TAG_NAME, "bdi")
        # And had one got through, it would not run.
        browser.execute_script(
            """const script = document.createElement("script");
               script.textContent = "document.title = 'broken'";
               document.body.append(script)"""
        )
        assert browser.title != "broken"
        (entry,) = browser.get_log("browser")
        assert "Content Security Policy" in entry["message"]


# As a user would run it, but for the half minutes between two pages.
FOLLOWED = """
import sys
import analysis.report.live, analysis.report.write, run_search
analysis.report.live.RELOAD_SECONDS, analysis.report.live.SHARE = 0.5, 1.0
analysis.report.write.RELOAD_SECONDS = 1
sys.exit(run_search.main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_browser_left_open_follows_the_search_to_its_end(browser, tmp_path):
    program = small_run.PROGRAM.parent
    search = subprocess.Popen(
        [sys.executable, "-c", FOLLOWED, *small_run.ARGUMENTS, "--out", str(tmp_path / "run")],
        cwd=program, env=small_run.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    page = tmp_path / "run" / "report" / "report.html"
    deadline = time.monotonic() + 300
    try:
        while not page.exists() and search.poll() is None:
            time.sleep(0.05)
        seen = []
        with shown(browser, page):
            while not seen or seen[-1] is not None:
                try:
                    said = browser.execute_script(
                        """const said = document.querySelector(".done");
                           return said && said.textContent;"""
                    )
                except WebDriverException:  # in the middle of loading it again
                    continue
                if not seen or said != seen[-1]:
                    seen.append(said)
                assert time.monotonic() < deadline, seen
                time.sleep(0.05)
            assert "data-reload" not in browser.page_source.partition("<script>")[0]
            assert browser.find_element(By.ID, "again").is_displayed()
        _, errors = search.communicate(timeout=60)
    finally:
        search.kill()
        search.communicate()
    assert (search.returncode, errors) == (0, "")
    counts = [int(re.search(r"([\d,]+) epochs of about 14", said)[1]) for said in seen[:-1]]
    assert counts[0] == 0
    assert counts == sorted(counts)
    assert len(set(counts)) > 2
