"""Names, cities and strings that a model must copy because it cannot know them."""

import zlib

from facts import CITIES, FIRST_NAMES

# Real names and cities that training never shows; measured as "unseen".
UNSEEN_NAMES = """
Bartholomew Octavia Leopold Cordelia Thaddeus Ingrid Lorenzo Philippa Dmitri Rosalind Alistair
Beatrix Casimir Desmond Eleanor Fernanda Gideon Harriet Imogen Jerome Kasimir Lavinia Maximilian
Nadine Ottilie Percival Ramona Sebastian Theodora Ulyana Vanessa Winifred Yolanda Zelda Amadeus
Brigitte Clarissa Dietmar Evander Francesca Gwendolyn Humphrey Isolde Jolanta Kornelia Ludwig
Marcella Nestor Ophelia Priscilla Rodrigo Salome Tiberius Veronica Wilhelm Xenia Ysabel Zdenek Anouk
""".split()
UNSEEN_CITIES = """
Bratsk|Coimbra|Debrecen|Eindhoven|Fukuoka|Groningen|Hobart|Innsbruck|Jaipur|Kaunas|Lausanne|Mendoza
Nantes|Oulu|Palermo|Quebec|Rennes|Sheffield|Tartu|Uppsala|Verona|Winnipeg|Yokohama|Zaragoza|Ancona
Bilbao|Calgary|Dundee|Essen|Ferrara|Galway|Hiroshima|Ipswich|Kobe|Limerick|Murcia|Novosibirsk|Olomouc
Pisa|Plovdiv|Ravenna|Stavanger|Trieste|Varna|Wuhan|Yerevan|Adelaide|Bydgoszcz|Chisinau|Darwin|Fresno
Granada|Honolulu|Kazan|Leicester|Memphis|Norwich|Ostrava|Patras|Rostock|Samara|Tacoma|Vigo|Windhoek
""".replace("\n", "|").strip("|").split("|")

_NEVER = set(UNSEEN_NAMES) | set(UNSEEN_CITIES)
_STARTS = """b br c ch d dr f fl g gr h j k kr l m n p pr q r s sh sk st t th tr v w y z""".split()
_VOWELS = "a a a e e e i i o o u ai ea ei ia ie io oa ou y".split()
_ENDS = "n r s l k t m d x th nd rt ck sk ng".split()


def held(key: str, one_in: int = 10) -> bool:
    """A fixed tenth of all keys is never trained."""
    return zlib.crc32(key.encode()) % one_in == 0


def made_up(r) -> str:
    """A pronounceable word of one to four syllables, with a capital letter."""
    word = ""
    for _ in range(r.choice((1, 2, 2, 2, 3, 3, 4))):
        if r.random() < 0.85:
            word += r.choice(_STARTS)
        word += r.choice(_VOWELS)
    if r.random() < 0.6 or len(word) < 3:
        word += r.choice(_ENDS)
    return word.capitalize()


def spliced(r, names) -> str:
    """The start of one real name and the end of another."""
    a, b = r.choice(names), r.choice(names)
    a, b = a[: r.randint(2, max(2, len(a) - 1))], b[-r.randint(2, max(2, len(b) - 2)):]
    return (a + b.lower()).replace(" ", "").capitalize()


def _copied(r, known, unseen, want_held):
    if want_held:
        if r.random() < 0.5:
            return r.choice(unseen)
    elif r.random() < 0.4:
        return r.choice(known)
    while True:
        name = made_up(r) if r.random() < 0.5 else spliced(r, known)
        if name not in _NEVER and held("name:" + name) == want_held and not (want_held and name in known):
            return name


def person(r, want_held=False) -> str:
    return _copied(r, FIRST_NAMES, UNSEEN_NAMES, want_held)


def city(r, want_held=False) -> str:
    return _copied(r, CITIES, UNSEEN_CITIES, want_held)
