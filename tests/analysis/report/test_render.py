"""What comes from data is text in the page, in its script and in Markdown."""

import json

from analysis.formatting import clean
from analysis.report.render import for_script, html, markdown, plain


def test_text_is_escaped_and_isolated_where_it_is_text_and_bare_where_it_is_not():
    name = clean('<b> \u05d0"')
    assert html(name) == "<bdi>&lt;b&gt; \u05d0&#34;</bdi>"
    assert plain(name) == "&lt;b&gt; \u05d0&#34;"
    assert "</script" not in for_script([name, "</script>"])
    assert json.loads(str(for_script([name, "</script>\u2028&"]))) == [name, "</script>\u2028&"]
    assert len(clean("\u05d0" * 10_000)) < 90


def test_a_number_and_its_unit_stay_on_one_line():
    kept = ["97.1_±_0.4_%", "12.3_k", "5_min 3_s", "3 seeds", "p_= 0.03", "95_% interval"]
    for text in kept:
        assert html(text.replace("_", " ")) == text.replace("_", "\N{NO-BREAK SPACE}")


def test_markdown_shows_a_value_as_it_is():
    assert markdown("cnn_lines at 3 < 4 & 5") == "cnn_lines at 3 < 4 & 5"
    assert markdown("<b> &amp; </b>") == "&lt;b> &amp;amp; &lt;/b>"
    assert markdown("a|b\nc") == "a\\|b c"
    assert markdown("_x_ *y* `z`") == "\\_x\\_ \\*y\\* \\`z\\`"
