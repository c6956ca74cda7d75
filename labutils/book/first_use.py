"""An extension of Sphinx: in each chapter, the first use of a word of the glossary links to it."""

import re
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

CLOSED = (
    nodes.reference,
    nodes.literal,
    nodes.math,
    nodes.title,
    nodes.caption,
    pending_xref,
)  # stay as they are


def terms(glossary: str) -> list[str]:
    """The words that a page of MyST explains in its glossary directives, the longest first."""
    inside = re.findall(r"^```\{glossary\}\n(.*?)^```", glossary, re.DOTALL | re.MULTILINE)
    found = re.findall(r"^(\S.*)$", "\n".join(inside), re.MULTILINE)
    return sorted(found, key=lambda term: (-len(term), term))


def link(document: nodes.document, words: list[str], docname: str = "") -> None:
    """Turn the first use of each word, in running text and also in the plural, into a link to the glossary."""
    left = {word.lower(): word for word in words}
    for text in list(document.findall(nodes.Text)):
        if not _running(text) or not left:
            continue
        pattern = re.compile(rf"\b({'|'.join(map(re.escape, left.values()))})s?\b(?!-)", re.IGNORECASE)
        said, parts, at = text.astext(), [], 0
        for found in pattern.finditer(said):
            word = left.pop(found[1].lower(), None)
            if word is not None:
                parts += [nodes.Text(said[at : found.start()]), _reference(word, found[0], docname)]
                at = found.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(said[at:])])


def _running(text):
    """Whether a piece of text stands in a paragraph, and in nothing that is a link, code or a title already."""
    node, paragraph = text.parent, False
    while node is not None:
        if isinstance(node, CLOSED):
            return False
        paragraph |= isinstance(node, nodes.paragraph)
        node = node.parent
    return paragraph


def _reference(word, said, docname):
    options = {"refdomain": "std", "reftype": "term", "reftarget": word, "refexplicit": True}
    shown = nodes.inline(said, said, classes=["xref", "std", "std-term", "first-use"])
    return pending_xref("", shown, refdoc=docname, refwarn=True, **options)


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""

    def read(app, document):
        docname = app.env.docname
        if re.match(r"\d\d_", docname):
            link(document, terms((Path(app.srcdir) / "glossary.md").read_text(encoding="utf-8")), docname)

    app.connect("doctree-read", read)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
