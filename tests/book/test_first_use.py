"""Words of the glossary: linked once, where a chapter first uses them, and never inside code, formulas or titles."""

from conftest import ROOT
from docutils import nodes
from docutils.utils import new_document
from sphinx.addnodes import pending_xref

from labutils.book import first_use


def document(*paragraphs):
    made = new_document("page")
    made += nodes.section("", nodes.title("", "Pruning and the loss"))
    for parts in paragraphs:
        made[0] += nodes.paragraph("", "", *parts)
    return made


def linked(made):
    return [(node["reftarget"], node.astext()) for node in made.findall(pending_xref)]


def test_the_first_use_and_no_other_is_linked():
    made = document(
        [nodes.Text("Some losses, and a Loss, "), nodes.literal("", "loss"), nodes.math("", "loss")],
        [nodes.Text("the loss again; a learning curve of learning curves")],
    )
    before = made.astext()
    first_use.link(made, ["loss", "curve", "learning curve"])
    assert linked(made) == [("loss", "Loss"), ("learning curve", "learning curve")]
    assert made.astext() == before


def test_what_is_a_link_already_and_parts_of_words_are_left():
    made = document([nodes.reference("", "a seed"), nodes.Text(" seedling, seed-bed, proceeds")])
    first_use.link(made, ["seed"])
    assert linked(made) == []


def test_the_words_of_the_glossary_are_all_found():
    words = first_use.terms((ROOT / "chapters" / "glossary.md").read_text())
    assert len(words) > 60 and {"loss", "Cover's theorem", "pointwise V-information"} <= set(words)
    assert not [word for word in words if word.startswith("`") or word.endswith(".")]
