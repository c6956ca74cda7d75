"""Cards and tables of claims: linked, escaped, complete."""

from labutils.book import cards, claims


def test_table_links_each_claim_and_escapes_html(contract):
    record = claims.as_json(claims.check("slope", (0.1, (0.09, 0.11)), path=contract))
    record["statement"] = "a < b at 10^7"
    page = cards.table([record], full=[record | {"value": 0.11}])
    assert 'href="01_power_laws.html#claim-slope"' in page and "a &lt; b at 10<sup>7</sup>" in page
    assert "0.11 [0.09, 0.11]" in page and page.count("<th ") == 7
    assert cards.table([record]).count("<th ") == 6
