"""Cards and tables of claims: linked, escaped, complete."""

from labutils.book import cards, claims


def test_table_links_each_claim_and_escapes_html(contract):
    record = claims.as_json(claims.check("slope", (0.1, (0.09, 0.11)), path=contract))
    record["statement"] = "a < b at 10^7"
    page = cards.table([record], full=[record | {"value": 0.11}])
    assert 'href="01_power_laws.html#claim-slope"' in page and "a &lt; b at 10<sup>7</sup>" in page
    assert "0.11 [0.09, 0.11]" in page and page.count("<th ") == 7
    assert cards.table([record]).count("<th ") == 6


def test_board_puts_misses_first_and_counts_replications_alone(contract):
    hit = claims.as_json(claims.check("slope", (0.1, (0.09, 0.11)), path=contract))
    missed = claims.as_json(claims.check("slope", (0.5, (0.49, 0.51)), path=contract))
    found = [hit, missed, hit | {"kind": "bar"}, missed | {"kind": "check"}, hit | {"kind": "check"}]
    page = cards.board(found)
    places = [
        page.index(text)
        for text in ("missed, or decide nothing (1)", "that held (1)", "(1 of 1 met)", "(1 of 2 met)")
    ]
    assert places == sorted(places) and page.count("<details") == 4 and page.count(" open ") == 1
    tally = cards.tally(found)
    assert "<strong>2</strong> replications" in tally and "<strong>1</strong> not reproduced" in tally
    assert "1 of 1 bars of our own met, 1 of 2 checks of the code passed" in tally


def test_digits_show_on_which_side_of_the_range_a_value_lies(contract):
    record = claims.as_json(claims.check("slope", 0.12004, path=contract))
    assert record["verdict"] == "not reproduced" and cards.measured(record).startswith("0.12004")
    narrow = claims.as_json(claims.check("slope", 10.334, path=contract)) | {"accept": [10.33, 10.35]}
    assert "10.33 to 10.35" in cards.table([narrow]) and "10.334" in cards.table([narrow])
    assert "0.08 to 0.12" in cards.table([claims.as_json(claims.check("slope", 0.1, path=contract))])


def test_claims_are_counted_in_english(contract):
    record = claims.as_json(claims.check("slope", 0.1, path=contract))
    assert "<summary>1 claim: 1 reproduced<" in cards.shown([record])["text/html"]
    assert "<summary>2 claims: 2 reproduced<" in cards.shown([record] * 2)["text/html"]


def test_a_number_from_memory_says_so(contract):
    record = claims.as_json(claims.check("slope", 0.1, path=contract))
    assert "not verified" not in cards.card(record) + cards.table([record])
    record["unverified"] = True
    assert "from memory, not verified" in cards.card(record) and "not verified" in cards.table([record])
