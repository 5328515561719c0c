from __future__ import annotations

import pytest
from resolution_scores import gold_documents, marked, score_actors, seed_article

from geoevents.events import Actor
from geoevents.resolution import Resolver, load_resolver


@pytest.fixture(scope="module")
def resolver() -> Resolver:
    return load_resolver(duplicates=False)


def resolved(resolver: Resolver, markup: str, words: str, *, date: str = "2023-05-10") -> list[Actor]:
    """The actors with these words in the last event that has them."""
    document = resolver.resolve(marked(markup, date=date))
    for event in reversed(document.events):
        if found := [actor for actor in (*event.sources, *event.targets) if actor.text == words]:
            return found
    raise AssertionError(f"no actor {words!r} in {document.text!r}")


SINGLE = {
    "pronoun of a person": (
        "[[Ebrahim Raisi|a1]] [[visited|042 s=a1 t=a2]] [[Syria|a2]]. [[He|a3]] [[praised|051 s=a3 t=a2]] its army.",
        ("He", "IRNGOV", "Ebrahim Raisi", "Ebrahim Raisi"),
    ),
    "name outside of events": (
        "French President Emmanuel Macron spoke first. [[He|a1]] [[condemned|111 s=a1 t=a2]] the [[Kremlin|a2]].",
        ("He", "FRAGOV", "Emmanuel Macron", "French President Emmanuel Macron"),
    ),
    "short form of an unknown name": (
        "Norwegian Foreign Minister Ragnhild Tveiten arrived. [[Tveiten|a1]] [[met|040 s=a1 t=a2]] [[Xi Jinping|a2]].",
        ("Tveiten", "NORGOV", None, "Norwegian Foreign Minister Ragnhild Tveiten"),
    ),
    "nationality and title": (
        "[[Raisi|a1]] [[arrived|042 s=a1]]. The [[Iranian president|a2]] [[thanked|051 s=a2 t=a3]] [[Russia|a3]].",
        ("Iranian president", "IRNGOV", "Ebrahim Raisi", "Raisi"),
    ),
    "bare title": (
        "[[Kenyan President William Ruto|a1]] [[arrived|042 s=a1]]. The [[president|a2]] [[thanked|051 s=a2]] them.",
        ("president", "KENGOV", "William Ruto", "Kenyan President William Ruto"),
    ),
    "the group": (
        "[[Boko Haram|a1]] [[attacked|190 s=a1 l=p1]] [[Maiduguri|p1]]. The [[group|a2]] [[boasted|015 s=a2]].",
        ("group", "NGAREB", "Boko Haram", "Boko Haram"),
    ),
    "a plural": (
        "[[Sudanese paramilitaries|a1]] [[held|190 s=a1]] the bridge. On Sunday [[they|a2]] [[left|0874 s=a2]].",
        ("they", "SDNREB", None, "Sudanese paramilitaries"),
    ),
    "a government": (
        "[[Kigali|a1]] [[maintains|016 s=a1]] that [[it|a2]] never [[armed|072 s=a2 t=a3 neg]] the [[M23|a3]].",
        ("it", "RWAGOV", "Rwanda", "Kigali"),
    ),
    "an object is not its subject": (
        "[[Kazakhstan’s president|a1]] [[telephoned|041 s=a1 t=a2]] his [[Kyrgyz counterpart|a2]] to "
        "[[congratulate|051 s=a1 t=a3]] [[him|a3]].",
        ("him", "KGZGOV", None, "Kyrgyz counterpart"),
    ),
    "an apposition": (
        "[[Ilir Dushku|a1]], the mayor of Vlorë, [[survived|185 t=a1]] an attack.",
        ("Ilir Dushku", "ALBGOV", None, "mayor of Vlorë"),
    ),
    "an office before its countries": (
        "The presidents of [[Iran|a1]] and [[Russia|a2]] [[met|040 s=a1,a2]] on Tuesday.",
        ("Russia", "RUSGOV", None, None),
    ),
    "a name behind a noun": (
        "[[Officials|a1]] of the European Union [[met|040 s=a1,a2]] [[envoys|a2]] in Doha.",
        ("Officials", "IGOEUREEC", "European Union", "European Union"),
    ),
    "a name behind a noun for fighters": (
        "[[Members|a1]] of the Wagner Group [[attacked|190 s=a1 l=p1]] a village in [[Mali|p1]].",
        ("Members", "RUSMIL", "Wagner Group", "Wagner Group"),
    ),
    "where a subject is from": (
        "[[Soldiers|a1]] from Chad [[crossed|190 s=a1 l=p1]] into [[Niger|p1]].",
        ("Soldiers", "TCDMIL", None, "Chad"),
    ),
    "where an object is taken from": (
        "[[Turkey|a1]] [[pulled out|0874 s=a1 t=a2]] [[troops|a2]] from Somalia.",
        ("troops", None, None, None),
    ),
    "two of several": (
        "[[Russia|a1]] [[warned|130 s=a1 t=a2]] [[Kazakhstan|a2]]. Two [[leaders|a3]] of a union [[quit|0831 s=a3]].",
        ("leaders", None, None, None),
    ),
    "names of two behind a noun": (
        "[[Ministers|a1]] of Benin and Togo [[met|040 s=a1]].",
        ("Ministers", None, None, None),
    ),
    "a possessive": (
        "[[Turkey|a1]] [[denied|016 s=a1]] that its [[army|a2]] [[shelled|194 s=a2 t=a3 neg]] [[Syria|a3]].",
        ("army", "TURMIL", None, None),
    ),
}


@pytest.mark.parametrize(("markup", "expected"), SINGLE.values(), ids=SINGLE)
def test_an_actor_takes_code_and_name_of_its_antecedent(
    resolver: Resolver, markup: str, expected: tuple[str, str | None, str | None, str | None]
) -> None:
    words, code, name, antecedent = expected
    (actor,) = resolved(resolver, markup, words)
    assert (actor.code, actor.name) == (code, name)
    assert (actor.resolved_from and actor.resolved_from.text) == antecedent


def test_the_antecedent_is_a_span_of_the_text(resolver: Resolver) -> None:
    markup, (words, *_, text) = SINGLE["name outside of events"]
    (actor,) = resolved(resolver, markup, words)
    span = actor.resolved_from
    assert span is not None
    assert marked(markup).text[span.start : span.end] == span.text == text


def test_confidence_falls_with_every_step(resolver: Resolver) -> None:
    document = resolver.resolve(marked(SINGLE["pronoun of a person"][0]))
    named, pronoun = document.events[0].sources[0], document.events[1].sources[0]
    assert named.confidence is not None and pronoun.confidence is not None
    assert 0 < pronoun.confidence < named.confidence <= 1


def test_the_two_leaders_are_both_of_them(resolver: Resolver) -> None:
    markup = (
        "[[Emmanuel Macron|a1]] [[met|040 s=a1 t=a2]] [[Olaf Scholz|a2]]. "
        "The two [[leaders|a3]] [[discussed|040 s=a3]] Ukraine."
    )
    actors = resolved(resolver, markup, "leaders")
    assert [(actor.code, actor.name) for actor in actors] == [
        ("FRAGOV", "Emmanuel Macron"),
        ("DEUGOV", "Olaf Scholz"),
    ]


def test_the_two_countries_are_countries(resolver: Resolver) -> None:
    markup = "[[Raisi|a1]] [[met|040 s=a1 t=a2]] [[Putin|a2]]. The two [[countries|a3]] [[signed|057 s=a3]] a pact."
    assert [actor.code for actor in resolved(resolver, markup, "countries")] == ["IRN", "RUS"]


OPEN = {
    "nobody before": ("[[She|a1]] [[resigned|0831 s=a1]].", "She"),
    "two presidents": (
        "[[Kenyan President William Ruto|a1]] [[met|040 s=a1 t=a2]] [[Ugandan President Yoweri Museveni|a2]]. "
        "The [[president|a3]] [[promised|030 s=a3]] aid.",
        "president",
    ),
    "too far away": (
        "[[Emmanuel Macron|a1]] [[spoke|010 s=a1]]. It rained. The hall was cold. [[He|a2]] [[left|042 s=a2]].",
        "He",
    ),
    "three sides": (
        "[[France|a1]], [[Italy|a2]] and [[Spain|a3]] [[met|040 s=a1,a2,a3]]. Both [[sides|a4]] [[left|042 s=a4]].",
        "sides",
    ),
    "the other side's country, with another in play": (
        "[[Hungary|a1]] and Slovakia [[oppose|111 s=a1 t=a2]] the embargo that [[ministers|a3]] "
        "[[imposed|163 s=a3 t=a4]] on the [[Kremlin|a4]], not [[Warsaw|a2]].",
        "ministers",
    ),
    "people who are abroad": (
        "[[Diplomats|a1]] [[met|040 s=a1 t=a2 l=p1]] the [[Swiss police|a2]] in [[Geneva|p1]].",
        "Diplomats",
    ),
    "a pronoun for people of no known country": (
        "[[Diplomats|a1]] [[left|042 s=a1]] for Crete in May and [[they|a2]] [[complained|111 s=a2]] at once.",
        "they",
    ),
    "hosts are not their guests": (
        "[[Ukrainian Prime Minister Halyna Stets|a1]] [[asked|020 s=a1 t=a2]] her [[hosts|a2]] for help.",
        "hosts",
    ),
    "a thing": ("The bridge fell. [[It|a1]] [[hit|190 s=a1]] a boat.", "It"),
}


@pytest.mark.parametrize(("markup", "words"), OPEN.values(), ids=OPEN)
def test_where_nothing_fits_nothing_is_resolved(resolver: Resolver, markup: str, words: str) -> None:
    assert [(actor.code, actor.resolved_from) for actor in resolved(resolver, markup, words)] == [(None, None)]


CODED = {
    "a visitor is not of the place": (
        "[[General Babiker|a1]] of the army [[flew|042 s=a1 t=a2]] to [[Asmara|a2]], Sudan said.",
        ("General Babiker", "SDNMIL"),
    ),
    "an apposition says more than the countries near": (
        "[[Cardinal Luigi Bonamico|a1]], the Vatican secretary of state, [[spoke|010 s=a1 l=p1]] in [[Rome|p1]].",
        ("Cardinal Luigi Bonamico", "VATGOV"),
    ),
    "a senate is any country's": (
        "The Senate rose. Peruvian [[police|a1]] [[freed|0841 s=a1 t=a2]] the [[protesters|a2]].",
        ("protesters", "PERCVL"),
    ),
    "the other side's country, the only one in play": (
        "[[Kenyan police|a1]] [[detained|173 s=a1 t=a2]] nine [[students|a2]].",
        ("students", "KENEDU"),
    ),
    "the place's country": (
        "[[Kenyan police|a1]] [[shot|190 s=a1 t=a2 l=p1]] nine [[farmers|a2]] near [[Kampala|p1]].",
        ("farmers", "UGACVL"),
    ),
}


@pytest.mark.parametrize(("markup", "expected"), CODED.values(), ids=CODED)
def test_bare_nouns_take_the_country_that_the_event_suggests(
    resolver: Resolver, markup: str, expected: tuple[str, str]
) -> None:
    (actor,) = resolved(resolver, markup, expected[0])
    assert actor.code == expected[1]


def test_punctuation_marked_as_an_actor_stays_without_a_code(resolver: Resolver) -> None:
    markup = "[[Iran|a1]] [[praised|051 s=a1 t=a2]] its [[—|a2]] on Friday."
    assert [actor.code for actor in resolved(resolver, markup, "—")] == [None]


def test_without_coreference_pronouns_stay_as_they_are() -> None:
    resolver = load_resolver(coreference=False)
    (actor,) = resolved(resolver, SINGLE["pronoun of a person"][0], "He")
    assert actor == Actor("He", actor.start, actor.end)


def test_actors_of_the_development_set() -> None:
    scores = score_actors(gold_documents("dev.evt"), load_resolver(duplicates=False))
    everything, pronouns = scores["all"], scores["pronouns"]
    assert everything.country_right / everything.countries >= 0.92
    assert everything.code_right / everything.gold >= 0.80
    assert everything.wrong / everything.gold < 0.06
    assert pronouns.code_right / pronouns.gold >= 0.80


def test_actors_of_the_seed_article() -> None:
    article = seed_article()
    everything = score_actors([article], load_resolver(duplicates=False))["all"]
    assert everything.country_right == everything.countries == 45
    assert everything.code_right >= 44
