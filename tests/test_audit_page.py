"""The page of the audit trail: newest first, filtered, page by page, and hostile names as they are."""

import pytest

from reengagement import auditing, database
from tests.dashboards import opened, settings_of, sign_in

HOSTILE = "<script>alert(1)</script> **bold** :red[x]"


@pytest.fixture
def trail(monkeypatch, clone_url, engine):
    with settings_of(monkeypatch, DATABASE_URL=clone_url):
        with engine.begin() as connection:
            now = database.clock(connection)
            for number in range(60):
                auditing.note(connection, "Мария", "text_edited", now, variant=f"v-{number}")
            auditing.note(connection, "stranger", "sign_in_refused", now, door="accounts", account=HOSTILE)
        sign_in(monkeypatch, engine)
        yield


def test_the_trail_is_shown_newest_first_and_filtered_by_person_and_action(trail):
    test = opened(lang="en").switch_page("pages/audit.py").run()
    assert not test.exception
    rows = test.dataframe[0].value
    assert len(rows) == 50
    assert rows.iloc[0][["Who", "Did what"]].tolist() == ["admin", "signed in"]
    assert rows.iloc[1]["Details"] == f"by: the product's account · account: {HOSTILE}"
    assert not [said for said in test.markdown if "<script>" in said.value]
    test.selectbox(key="audit_who").select("Мария").run()
    test.selectbox(key="audit_what").select("text_edited").run()
    assert set(test.dataframe[0].value["Who"]) == {"Мария"}
    test.selectbox(key="audit_what").select("paused").run()
    assert [info.value for info in test.info] == [
        "There is nothing like that. Choose other people or actions above."
    ]
