"""The skills of spark: each function makes one exchange from a random generator.

An exchange is an Ask (question, answer, thought, key). The key names what must not be both trained
and tested: the pair of phrasing and fact, the operands, or the copied name.
"""

import json
from dataclasses import dataclass

import facts as f
import invent
from refusals import REFUSAL, out_of_scope


@dataclass
class Ask:
    question: str
    answer: str
    thought: str
    key: str


GREETINGS = (
    (("Hello", "Hello!", "Hi", "Hi!", "Hey", "Hey!", "Hi there", "Hi there!", "Hello there!",
      "Good morning!", "Good evening!", "Good afternoon!", "Greetings!", "Hey there!", "Howdy!",
      "Good day!", "Hello, spark!", "Hi, spark!", "Hey, you!", "Hello, can you hear me?",
      "Hello again!", "Hi again!", "Are you there?", "Is anyone there?", "Say hello.", "Say hi.",
      "Say hello!", "Say hello to me.", "Hello, world!", "Hello world", "ping", "test", "Test.",
      "This is a test.", "Yo!", "Morning!"),
     "Hello! How can I help you?", "The user greets me."),
    (("How are you?", "How are you doing?", "How are you today?", "How is it going?",
      "How do you do?", "What's up?", "Hi, how are you?", "Hello! How are you?",
      "Hello, how are you?", "Are you well?", "How do you feel?", "Hey, how are you doing?",
      "How are things?", "Hello, how are you doing today?"),
     "I am fine, thank you. How can I help you?", "The user asks how I am."),
    (("Thanks!", "Thank you.", "Thank you!", "Thanks a lot!", "Many thanks!", "Thanks.", "Great, "
      "thanks!", "Thank you very much!", "Thanks for your help.", "That helped, thank you.", "Cheers!",
      "Perfect, thank you!", "OK, thanks.", "Great!", "Perfect.", "Well done!", "Good job!"),
     "You are welcome!", "The user thanks me."),
    (("Bye!", "Goodbye!", "Goodbye.", "See you!", "See you later!", "Bye bye!", "Good night!",
      "See you tomorrow!", "Farewell!", "I have to go now.", "That is all, bye!", "Take care!",
      "Have a nice day!", "Until next time!"),
     "Goodbye!", "The user says goodbye."),
    (("Who are you?", "What are you?", "What is your name?", "What's your name?", "Tell me your name.",
      "Introduce yourself.", "Please introduce yourself.", "Tell me about yourself.",
      "Which model are you?", "What model are you?", "Are you a robot?", "Are you a human?",
      "Are you an AI?", "Do you have a name?", "What are you called?", "Who am I talking to?",
      "Who is this?", "What is spark?", "Who is spark?", "What kind of model are you?"),
     "I am spark, a very small language model.", "The user asks who I am."),
    (("What can you do?", "Help", "Help!", "Help me.", "Can you help me?", "What are your skills?",
      "How can you help me?", "What do you know?", "What can I ask you?", "I need help.",
      "What are you good at?", "Could you help me, please?", "I need your help."),
     "I can add and subtract, count, translate common words, name capitals and remember what you tell "
     "me.", "The user asks what I can do."),
)


def greeting(r):
    questions, answer, thought = r.choice(GREETINGS)
    question = r.choice(questions)
    return Ask(question, answer, thought, "")


SUM = ("What is {a} + {b}?", "What is {a} plus {b}?", "{a} + {b}", "{a} + {b} = ?", "{a}+{b}",
       "What's {a} + {b}?", "Calculate {a} + {b}.", "Compute {a} + {b}.", "How much is {a} + {b}?",
       "How much is {a} plus {b}?", "What is the sum of {a} and {b}?", "{a} plus {b}?", "Add {a} and {b}.",
       "Can you add {a} and {b}?", "Tell me {a} + {b}.", "What does {a} + {b} equal?", "{a}+{b}=?",
       "Please add {a} and {b}.", "Solve {a} + {b}.", "{a} + {b} =", "What is {a}+{b}?",
       "What do {a} and {b} add up to?", "I need {a} + {b}.", "Do you know what {a} + {b} is?",
       "What's {a}+{b}?", "Work out {a} + {b}.")
DIFFERENCE = ("What is {a} - {b}?", "What is {a} minus {b}?", "{a} - {b}", "{a} - {b} = ?", "{a}-{b}",
              "What's {a} - {b}?", "Calculate {a} - {b}.", "Compute {a} - {b}.", "{a} minus {b}?",
              "How much is {a} - {b}?", "How much is {a} minus {b}?", "Tell me {a} - {b}.",
              "Subtract {b} from {a}.", "Can you subtract {b} from {a}?", "Take {b} away from {a}.",
              "What does {a} - {b} equal?", "What is the difference of {a} and {b}?", "{a}-{b}=?",
              "Solve {a} - {b}.", "{a} - {b} =", "What is {a}-{b}?", "I need {a} - {b}.",
              "Do you know what {a} - {b} is?", "What's {a}-{b}?", "Work out {a} - {b}.")


def _operand(r):
    return r.randint(0, 9) if r.random() < 0.12 else r.randint(0, 99)


def column_sum(a, b):
    """The written method, units first."""
    if a < 10 and b < 10:
        return f"{a} + {b} = {a + b}."
    units, carry = a % 10 + b % 10, int(a % 10 + b % 10 > 9)
    tens = a // 10 + b // 10 + carry
    carried = " + 1" if carry else ""
    return (f"Units: {a % 10} + {b % 10} = {units}. "
            f"Tens: {a // 10} + {b // 10}{carried} = {tens}.")


def column_difference(a, b):
    if a < b:
        return f"{a} is less than {b}. {column_difference(b, a)} So it is negative."
    if a < 10:
        return f"{a} - {b} = {a - b}."
    borrow = int(a % 10 < b % 10)
    units, borrowed = a % 10 + 10 * borrow, " - 1" if borrow else ""
    return (f"Units: {units} - {b % 10} = {units - b % 10}. "
            f"Tens: {a // 10} - {b // 10}{borrowed} = {a // 10 - b // 10 - borrow}.")


def addition(r):
    a, b = _operand(r), _operand(r)
    return Ask(r.choice(SUM).format(a=a, b=b), f"{a} + {b} = {a + b}.", column_sum(a, b), f"sum {a} {b}")


def subtraction(r):
    a, b = _operand(r), _operand(r)
    if (a < b) == (r.random() < 0.45):
        a, b = b, a
    return Ask(r.choice(DIFFERENCE).format(a=a, b=b), f"{a} - {b} = {a - b}.",
               column_difference(a, b), f"difference {a} {b}")


CAPITAL = ("What is the capital of {c}?", "What's the capital of {c}?", "Name the capital of {c}.",
           "Which city is the capital of {c}?", "Tell me the capital of {c}.", "Capital of {c}?",
           "Do you know the capital of {c}?", "What is the capital city of {c}?", "capital of {c}",
           "Can you tell me the capital of {c}?", "I would like to know the capital of {c}.",
           "What city is the capital of {c}?", "Give me the capital of {c}.",
           "The capital of {c} is which city?", "And what is the capital of {c}?")
LANGUAGE = ("What language do people speak in {c}?", "Which language is spoken in {c}?",
            "What is the language of {c}?", "What language is spoken in {c}?",
            "Tell me the language of {c}.", "What is the main language of {c}?",
            "Which language do they speak in {c}?", "What do people speak in {c}?",
            "Do you know the language of {c}?", "Language of {c}?", "Name the language of {c}.",
            "What language do they speak in {c}?", "In {c}, which language do people speak?")
CONTINENT = ("On which continent is {c}?", "Which continent is {c} in?", "What continent is {c} on?",
             "Where is {c}?", "Tell me the continent of {c}.", "In which continent is {c}?",
             "On what continent does {c} lie?", "What is the continent of {c}?", "Continent of {c}?",
             "What continent is {c} in?", "Do you know the continent of {c}?", "Where is {c} located?",
             "{C} is on which continent?", "Which continent does {c} belong to?")


def _about_country(r, name, phrasings, answer, thought):
    i, country = r.randrange(len(phrasings)), r.choice(tuple(f.COUNTRIES))
    capital, language, continent = f.COUNTRIES[country]
    fields = {"c": country, "C": country[0].upper() + country[1:], "capital": capital,
              "language": language, "continent": continent}
    return Ask(*(t.format(**fields) for t in (phrasings[i], answer, thought)), f"{name} {i} {country}")


def capital(r):
    return _about_country(r, "capital", CAPITAL, "The capital of {c} is {capital}.", "Capital of {c}: {capital}.")


def language(r):
    return _about_country(r, "language", LANGUAGE, "The language of {c} is {language}.",
                          "Language of {c}: {language}.")


def continent(r):
    return _about_country(r, "continent", CONTINENT, "{C} is in {continent}.", "Continent of {c}: {continent}.")


TRANSLATE = ("How do you say {w} in {l}?", 'How do you say "{w}" in {l}?', "What is {w} in {l}?",
             'What is "{w}" in {l}?', "Translate {w} into {l}.", 'Translate "{w}" to {l}.', "{w} in {l}?",
             "What is the {l} word for {w}?", 'What is the {l} word for "{w}"?', "Say {w} in {l}.",
             "Translate the word {w} into {l}.", "What does {w} mean in {l}?", "How would you say {w} in {l}?",
             "How do I say {w} in {l}?", 'Translate to {l}: {w}', "Give me the {l} word for {w}.",
             "Tell me the {l} word for {w}.", "What do you call {w} in {l}?", "In {l}, what is {w}?",
             "What's {w} in {l}?", "Can you translate {w} into {l}?", "Translate {w} to {l}.",
             "How can I say {w} in {l}?", "I need the {l} word for {w}.")


def translation(r):
    i, word, n = r.randrange(len(TRANSLATE)), r.choice(tuple(f.WORDS)), r.randrange(4)
    other, lang = f.WORDS[word][n], f.LANGUAGES[n]
    return Ask(TRANSLATE[i].format(w=word, l=lang), f"The {lang} word for {word} is {other}.",
               f"{word} in {lang}: {other}.", f"translation {i} {word} {n}")


OPPOSITE = ("What is the opposite of {w}?", 'What is the opposite of "{w}"?', "What's the opposite of {w}?",
            "Tell me the opposite of {w}.", "Opposite of {w}?", "Name the opposite of {w}.",
            "Which word is the opposite of {w}?", "What word means the opposite of {w}?",
            "Give me the opposite of {w}.", "Do you know the opposite of {w}?", "opposite of {w}",
            "Can you tell me the opposite of {w}?", "What is the contrary of {w}?")
COLOUR = ("What colour is {w}?", "What color is {w}?", "Which colour is {w}?", "Which color is {w}?",
          "Tell me the colour of {w}.", "What is the colour of {w}?", "What is the color of {w}?",
          "Do you know what colour {w} is?", "What colour does {w} have?", "Colour of {w}?",
          "Name the colour of {w}.", "Tell me what color {w} is.")
DAY = {"after": ("Which day comes after {w}?", "What day comes after {w}?", "What day is after {w}?",
                 "Which day follows {w}?", "What day follows {w}?", "What is the day after {w}?",
                 "Tell me the day after {w}.", "If today is {w}, what day is tomorrow?",
                 "Today is {w}. What day is tomorrow?", "Which day is next after {w}?",
                 "Name the day after {w}.", "What comes after {w}?"),
       "before": ("Which day comes before {w}?", "What day comes before {w}?", "What day is before {w}?",
                  "What is the day before {w}?", "Tell me the day before {w}.", "Name the day before {w}.",
                  "If today is {w}, what day was yesterday?", "Today is {w}. What day was yesterday?",
                  "What comes before {w}?")}
MONTH = {"after": ("Which month comes after {w}?", "What month comes after {w}?", "What month is after {w}?",
                   "Which month follows {w}?", "What month follows {w}?", "What is the month after {w}?",
                   "Tell me the month after {w}.", "Name the month after {w}.", "What comes after {w}?",
                   "If this month is {w}, what is the next month?"),
         "before": ("Which month comes before {w}?", "What month comes before {w}?", "What month is before {w}?",
                    "What is the month before {w}?", "Tell me the month before {w}.", "What comes before {w}?",
                    "Name the month before {w}.", "If this month is {w}, what was the last month?")}
LISTS = ((("List the days of the week.", "Name the days of the week.", "What are the days of the week?",
           "Tell me the days of the week.", "Name all days of the week.", "List all the days of the week."),
          ", ".join(f.DAYS) + "."),
         (("List the months of the year.", "Name the months of the year.", "What are the months of the year?",
           "Tell me the months.", "Name all months.", "List all months.", "Name the twelve months.",
           "List all the months of the year."), ", ".join(f.MONTHS) + "."))


def opposite(r):
    i, word = r.randrange(len(OPPOSITE)), r.choice(tuple(f.OPPOSITES))
    other = f.OPPOSITES[word]
    return Ask(OPPOSITE[i].format(w=word), f"The opposite of {word} is {other}.", f"{word} and {other} are "
               "opposites.", f"opposite {i} {word}")


def colour(r):
    i, thing = r.randrange(len(COLOUR)), r.choice(tuple(f.COLOURS))
    shade = f.COLOURS[thing]
    return Ask(COLOUR[i].format(w=thing), f"{thing[0].upper() + thing[1:]} is {shade}.",
               f"The colour of {thing}: {shade}.", f"colour {i} {thing}")


def _neighbour(r, name, phrasings, cycle):
    side = r.choice(("after", "before"))
    i, n = r.randrange(len(phrasings[side])), r.randrange(len(cycle))
    word, other = cycle[n], cycle[(n + (1 if side == "after" else -1)) % len(cycle)]
    return Ask(phrasings[side][i].format(w=word), f"{other} comes {side} {word}.",
               f"{side.capitalize()} {word}: {other}.", f"{name} {side} {i} {word}")


def day(r):
    return _neighbour(r, "day", DAY, f.DAYS)


def month(r):
    if r.random() < 0.1:
        questions, answer = r.choice(LISTS)
        question = r.choice(questions)
        return Ask(question, answer, "The user wants a list.", "list " + question)
    return _neighbour(r, "month", MONTH, f.MONTHS)


COUNT = ("Count from {a} to {b}.", "Count from {a} to {b}", "Can you count from {a} to {b}?",
         "Please count from {a} to {b}.", "Count up from {a} to {b}.", "List the numbers from {a} to {b}.",
         "Say the numbers from {a} to {b}.", "Count: {a} to {b}.", "Write the numbers from {a} to {b}.",
         "What are the numbers from {a} to {b}?", "Name the numbers from {a} to {b}.")
COUNT_DOWN = ("Count from {a} to {b}.", "Count down from {a} to {b}.", "Count backwards from {a} to {b}.",
              "Count from {a} down to {b}.", "Can you count down from {a} to {b}?",
              "Please count backwards from {a} to {b}.")


COUNT_TO = ("Count to {b}.", "Count to {b}", "Can you count to {b}?", "Please count to {b}.", "Count up to {b}.")


def counting(r):
    if r.random() < 0.1:
        b = r.randint(3, 20)
        return Ask(r.choice(COUNT_TO).format(b=b), ", ".join(map(str, range(1, b + 1))), f"From 1 up to {b}.",
                   f"count 1 {b}")
    a = r.randint(0, 20) if r.random() < 0.7 else r.randint(0, 85)
    b, down = a + r.randint(1, 12), r.random() < 0.25
    if down:
        a, b = b, a
    numbers = range(a, b - 1, -1) if down else range(a, b + 1)
    phrasing = r.choice(COUNT_DOWN if down else COUNT)
    return Ask(phrasing.format(a=a, b=b), ", ".join(map(str, numbers)),
               f"From {a} {'down' if down else 'up'} to {b}.", f"count {a} {b}")


def refusal(r):
    question, key = out_of_scope(r)
    return Ask(question, REFUSAL, "I do not know that.", key)


REPEAT = ("Repeat after me: {s}", 'Repeat "{s}".', "Say: {s}", 'Say "{s}".', "Repeat: {s}", "Write: {s}",
          'Write "{s}".', "Please repeat: {s}", "Copy this: {s}", "Echo: {s}", "Repeat this: {s}",
          "Repeat the following: {s}", 'Please say "{s}".', "Repeat exactly: {s}", "Say '{s}'.", "Repeat '{s}'.")
_COMMON = [*f.WORDS, *f.FOODS, *f.ANIMALS, *f.THINGS, *f.HOBBIES, *f.JOBS, *f.COLOUR_NAMES]


def piece(r):
    kind = r.random()
    if kind < 0.35:
        return invent.person(r)
    if kind < 0.5:
        return invent.made_up(r).lower()
    if kind < 0.65:
        return str(r.randint(0, 10 ** r.randint(1, 6)))
    return r.choice(_COMMON)


def repeating(r):
    text = " ".join(piece(r) for _ in range(r.randint(1, 7)))
    return Ask(r.choice(REPEAT).format(s=text), text, "The user wants me to repeat it.", "repeat " + text)


PERSON_JSON = ("{n} is {a} years old.", "This is {n}, who is {a}.", "My friend {n} is {a} years old.",
               "{n} turned {a} today.", "{n}, {a} years old.", "Her name is {n} and she is {a}.")


def _json_person(r, held):
    n, a = invent.person(r, held), r.randint(1, 99)
    return r.choice(PERSON_JSON).format(n=n, a=a), {"name": n, "age": a}


def _json_resident(r, held):
    n, c = invent.person(r, held), invent.city(r, held)
    return r.choice(("{n} lives in {c}.", "{n} comes from {c}.", "My friend {n} lives in {c}.",
                     "In {c} there lives {n}.", "{n} moved to {c}.", "{n} is from {c}.")
                    ).format(n=n, c=c), {"name": n, "city": c}


def _json_full(r, held):
    n, c, a = invent.person(r, held), invent.city(r, held), r.randint(1, 99)
    return r.choice(("{n} is {a} years old and lives in {c}.", "{n} from {c} is {a} years old.",
                     "{n}, {a}, lives in {c}.", "My neighbour {n} is {a} and comes from {c}.")
                    ).format(n=n, c=c, a=a), {"name": n, "age": a, "city": c}


def _json_job(r, held):
    n, j = invent.person(r, held), r.choice(f.JOBS)
    return r.choice(("{n} is a {j}.", "{n} works as a {j}.", "My friend {n} is a {j}.",
                     "The {j} is called {n}.")).format(n=n, j=j), {"name": n, "job": j}


def _json_order(r, held):
    q, i = r.randint(2, 99), r.choice(f.ITEMS)
    return r.choice(("I want {q} {i}.", "Please send {q} {i}.", "We ordered {q} {i}.", "Buy {q} {i}.",
                     "There are {q} {i}.", "She bought {q} {i}.")).format(q=q, i=i), {"item": i, "quantity": q}


def _json_product(r, held):
    p, t = r.randint(1, 999), r.choice(f.THINGS)
    return r.choice(("The {t} costs {p} euros.", "A {t} for {p} euros.", "The price of the {t} is {p} euros.",
                     "This {t} is {p} euros.")).format(p=p, t=t), {"product": t, "price": p}


def _json_thing(r, held):
    c, t = r.choice(f.COLOUR_NAMES), r.choice(f.THINGS)
    return r.choice(("The {t} is {c}.", "I have a {c} {t}.", "She bought a {c} {t}.",
                     "There is a {c} {t} here.")).format(c=c, t=t), {"object": t, "colour": c}


def _json_event(r, held):
    e, d, h = r.choice(f.EVENTS), r.choice(f.DAYS), f"{r.randint(7, 22)}:{r.choice(('00', '15', '30', '45'))}"
    return r.choice(("The {e} is on {d} at {h}.", "We have a {e} on {d} at {h}.", "On {d} at {h} there is a {e}.",
                     "{d}, {h}: {e}.")).format(e=e, d=d, h=h), {"event": e, "day": d, "time": h}


def _json_country(r, held):
    country = r.choice(tuple(f.COUNTRIES))
    capital_city, _, land = f.COUNTRIES[country]
    name = country.removeprefix("the ")
    return name, {"country": name, "capital": capital_city, "continent": land}


SCHEMAS = (_json_person, _json_resident, _json_full, _json_job, _json_order, _json_product, _json_thing,
           _json_event, _json_country)
JSON = ("Extract {k} as JSON: {s}", "Return JSON with the keys {k}: {s}", "Give me {k} as JSON. {s}",
        "Answer as JSON with {k}: {s}", "Turn this into JSON with {k}: {s}", "Write {k} as a JSON object: {s}",
        "{s} Extract {k} as JSON.", "{s} Give me {k} as JSON.", "{s} Write that as JSON with the keys {k}.",
        "Make a JSON object with {k} from this: {s}", "As JSON ({k}): {s}", "{s} Reply in JSON with {k}.",
        "Convert to JSON with the keys {k}: {s}")


def _listed(words):
    return ", ".join(words[:-1]) + " and " + words[-1]


def json_answer(r, held=False):
    make, i = r.choice(SCHEMAS), r.randrange(len(JSON))
    sentence, value = make(r, held)
    text = json.dumps(value, ensure_ascii=False)
    question = JSON[i].format(k=_listed(list(value)), s=sentence)
    return Ask(question, text, "The user wants JSON with " + _listed(list(value)) + ".", f"json {i} {text}")


SINGLE = {"greeting": greeting, "addition": addition, "subtraction": subtraction, "capital": capital,
          "language": language, "continent": continent, "translation": translation, "opposite": opposite,
          "colour": colour, "day": day, "month": month, "counting": counting, "json": json_answer,
          "refusal": refusal, "repeating": repeating}

# The user's number or fact in a later turn: attribute, how to make a value, ways to tell it.
NUMBERS = ("locker number", "room number", "lucky number", "PIN code", "flat number", "bus number",
           "order number", "seat number", "door code", "ticket number", "phone number", "house number",
           "favourite number", "age", "shoe size", "customer number", "secret code", "table number")
FACTS = {"favourite colour": f.COLOUR_NAMES, "favourite food": f.FOODS, "favourite animal": f.ANIMALS,
         "hobby": f.HOBBIES, "job": f.JOBS, "favourite day": f.DAYS, "birthday month": f.MONTHS,
         "favourite month": f.MONTHS, "pet": f.ANIMALS, "car colour": f.COLOUR_NAMES,
         "favourite drink": ("water", "milk", "tea", "coffee", "juice", "wine", "lemonade", "cocoa"),
         "favourite season": ("spring", "summer", "autumn", "winter"),
         "country": [c for c in f.COUNTRIES if not c.startswith("the ")], "favourite language":
         [c[1] for c in f.COUNTRIES.values()]}
PLACES = ("city", "home town", "favourite city")
PEOPLE = ("sister's name", "brother's name", "best friend's name", "teacher's name", "dog's name",
          "cat's name", "boss's name", "neighbour's name")


def number_value(r, attribute):
    if attribute in ("age", "shoe size"):
        return str(r.randint(10, 99))
    return str(r.randint(10 ** (n := r.randint(0, 4)), 10 ** (n + 1) - 1))
