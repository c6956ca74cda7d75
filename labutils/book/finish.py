"""The built pages made lighter and easier to find: what Sphinx and its theme leave undone."""

import hashlib
import html
import re
import shutil
from pathlib import Path

import nbformat
from PIL import Image

from labutils.figures import PANELS

# Of MathJax the pages load one bundle, and that in turn fonts, rare macros and what reads formulas aloud, in English.
MATHJAX = r"tex-chtml\.js|output/chtml/fonts/woff-v2/.*|input/tex/extensions/.*|a11y/.*|sre/mathmaps/(base|en|nemeth)\.json"

ICONS = "_static/scripts/fontawesome.js"  # 2,000 icons, 0.5 MB on the wire, of which the pages show twenty


def pages(
    folder: Path, *, url: str = "", panels: dict[str, list[dict]] | None = None, links: dict | None = None
) -> None:
    """Finish every page in the folder of a built site.

    `url` is the address the site will have, "" where it is not known; `panels` holds {SHA-256 of a picture: its panels
    as (title, path)} for telephones, `links` {page: [(text, address)]} what a page offers to take along.
    """
    folder, panels, links = Path(folder), panels or {}, links or {}
    library = folder / ICONS
    shapes, needed = library.read_text(encoding="utf-8") if library.is_file() else "", False
    named = set()
    for page in sorted(folder.glob("*.html")):
        text = page.read_text(encoding="utf-8")
        text = one_of_each(text, url)
        text = with_icons(text, shapes)
        text = re.sub(r"<img\b[^>]*>", lambda found: _image(found[0], folder, panels), text)
        text = _with_links(text, links.get(page.stem, []))
        page.write_text(text, encoding="utf-8")
        needed |= ICONS in text
        named |= set(re.findall(r"[\w-]+\.png", text))
    if not needed:
        library.unlink(missing_ok=True)
    for copy in folder.rglob("*.webp"):
        if (old := copy.with_suffix(".png")).name not in named:
            old.unlink(missing_ok=True)
    _drop_unused(folder / "_static")
    for source in folder.glob("_sources/*.ipynb"):
        _without_panels(source)
    if url:
        (folder / "robots.txt").write_text(
            f"User-agent: *\nAllow: /\n\nSitemap: {url}sitemap.xml\n", encoding="utf-8"
        )


def one_of_each(text: str, url: str = "") -> str:
    """A page with one viewport, no name of the book twice in its title, and formulas' script only where there are any.

    Addresses that would lead nowhere, since the site's is not known, go.
    """
    viewport = r'\s*<meta name="viewport"[^>]*>'
    if first := re.search(viewport, text):
        rest = re.sub(viewport, "", text[first.end() :])
        text = text[: first.end()] + rest
    text = re.sub(r"<title>(.+?) (?:&#8212;|—) \1</title>", r"<title>\1</title>", text)
    if not re.search(r'class="[^"]*\bmath\b', text):
        text = re.sub(
            r"\s*<script>window\.MathJax = .*?</script>|\s*<script[^>]*mathjax/[^>]*></script>", "", text
        )
    if not url:
        text = re.sub(r'\s*<meta property="og:(?:url|image)[^>]*>', "", text)
    return text


def with_icons(text: str, library: str) -> str:
    """A page whose icons are drawings of their own, without the script `library` (Font Awesome's) that draws them.

    A page with an icon that the library does not hold is left as it is.
    """
    missing = False

    def drawn(found):
        nonlocal missing
        for name in re.findall(r"fa-([a-z-]+)", found["kind"]):
            # the last is the solid one; before it stand those of brands and outlines
            shape = re.findall(rf'[,{{]"?{name}"?:\[(\d+),(\d+),\[[^\]]*\],"[0-9a-f]+","([^"]+)"', library)
            if shape:
                width, height, path = shape[-1]
                rest = re.sub(r'\s*title="[^"]*"', "", found["rest"])
                drawing = f'viewBox="0 0 {width} {height}" fill="currentColor" aria-hidden="true"'
                return f'<svg class="icon {found["kind"]}"{rest} {drawing}><path d="{path}"/></svg>'
        missing = True
        return found[0]

    icon = r'<(?P<tag>i|span) class="(?P<kind>[^"]*\bfa-[^"]*)"(?P<rest>[^>]*)></(?P=tag)>'
    new = re.sub(icon, drawn, text)
    return text if missing else re.sub(r"\s*<script[^>]*fontawesome\.js[^>]*></script>", "", new)


def _image(tag, folder, panels):
    """The tag of a picture that is loaded when it is needed, with its size, and beside it its panels."""
    source = html.unescape(re.search(r'src="([^"]*)"', tag)[1])
    path = folder / source
    if source.startswith(("data:", "http")) or not path.is_file() or path.suffix == ".svg":
        return tag
    own = panels.get(hashlib.sha256(path.read_bytes()).hexdigest(), [])
    tag = _sized(tag.replace(source, _lighter(folder, source)), path)
    if not own:
        return tag
    alone = len(own) == 1
    alt = re.search(r'alt="([^"]*)"', tag)
    shown = []
    for i, (title, place) in enumerate(own):
        said = alt[1] if alone and alt else html.escape(f"Panel {i + 1} of {len(own)}: {title}", quote=True)
        shown.append(_sized(f'<img alt="{said}" src="{_lighter(folder, place)}">', folder / place))
    told = "" if alone or not alt else f'<span class="told">{alt[1]}</span>'
    return f'<span class="whole">{tag}</span><span class="panels">{told}{"".join(shown)}</span>'


def _lighter(folder, source):
    """The address of a PNG's copy as lossless WebP: the same pixels in two fifths of the bytes."""
    path = folder / source
    if path.suffix != ".png":
        return source
    if not (copy := path.with_suffix(".webp")).exists():
        with Image.open(path) as picture:
            picture.save(copy, lossless=True, method=2)
    return source.removesuffix("png") + "webp"


def _sized(tag, path):
    with Image.open(path) as picture:
        width, height = picture.size
    return tag.replace("<img", f'<img loading="lazy" decoding="async" width="{width}" height="{height}"', 1)


def _with_links(text, links):
    """A page whose article ends with what it offers to take along."""
    if not links:
        return text
    listed = " · ".join(
        f'<a href="{html.escape(to, quote=True)}" download>{html.escape(words)}</a>' for words, to in links
    )
    return text.replace("</article>", f'<p class="take">Take it with you: {listed}</p></article>', 1)


def _without_panels(path):
    """Take the panels out of a notebook that is offered to take along: half its size, and nothing shows them there."""
    nb = nbformat.read(path, as_version=4)
    for output in [output for cell in nb.cells for output in cell.get("outputs", [])]:
        output.get("data", {}).pop(PANELS, None)
    nbformat.write(nb, path)


def _drop_unused(static):
    """Delete source maps, and the parts of MathJax that no page loads."""
    for path in static.rglob("*.map"):
        path.unlink()
    mathjax = static / "mathjax"
    for path in sorted(mathjax.rglob("*"), reverse=True):
        if path.is_file() and not re.fullmatch(MATHJAX, path.relative_to(mathjax).as_posix()):
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    shutil.rmtree(static / "locales", ignore_errors=True)
