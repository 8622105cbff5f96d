"""Questions that spark does not answer, and what it says instead."""

import invent
from facts import COUNTRIES, LANGUAGES, WORDS

REFUSAL = "I am a very small model and do not know that."

TOPICS = """quantum physics|photosynthesis|the stock market|black holes|machine learning|democracy|gravity
the Roman Empire|the French Revolution|inflation|evolution|plate tectonics|relativity|philosophy|baroque music
blockchain|the water cycle|nuclear fusion|the human brain|DNA|vaccines|volcanoes|dinosaurs|the Renaissance
electricity|magnets|computers|the internet|databases|operating systems|compilers|climate change|love|happiness
the universe|the meaning of life|chess openings|jazz|opera|football|the Olympic Games|the moon landing|taxes
insurance|marriage|economics|ethics|recursion|neural networks|steam engines|bridges|airplanes|penguins|bees
whales|coffee|tea|wine making|bread baking|gardening|yoga|meditation|time travel|ghosts|dragons|pirates
the Second World War|ancient Egypt|the Vikings|Napoleon|Shakespeare|Mozart|Einstein|Newton|Darwin|Picasso""".replace(
    "\n", "|").split("|")
WORKS = """Hamlet|War and Peace|Don Quixote|The Odyssey|Faust|Moby Dick|The Hobbit|Dracula|Frankenstein
Pride and Prejudice|The Trial|Ulysses|Emma|The Magic Flute|Carmen|Aida|the Mona Lisa|Guernica|The Scream
Swan Lake|the Ninth Symphony|The Great Gatsby|Robinson Crusoe|Gulliver's Travels|1984|Les Miserables""".replace(
    "\n", "|").split("|")
INVENTIONS = """telephone|light bulb|steam engine|airplane|radio|computer|printing press|bicycle|camera
microscope|telescope|piano|zip|calculator|internet|battery|television|typewriter|dynamite|compass""".replace(
    "\n", "|").split("|")
FORMS = "poem|story|song|letter|haiku|joke|limerick|short essay|speech|fairy tale|riddle|rap|report|summary".split("|")
CODE = """a Python function that sorts a list|a program in C|a regular expression for dates|a shell script
a for loop in Java|a SQL query|quicksort|a web page|hello world in Rust|a unit test|a binary search
a fibonacci function|a parser|some JavaScript code|an HTML form|a class in C++""".replace("\n", "|").split("|")
FIXED = """Tell me a joke.|Tell me a story.|What is the meaning of life?|What time is it?|What is the date today?
What is the weather like?|Will it rain tomorrow?|Who won the game last night?|What should I eat today?
How tall is Mount Everest?|How far away is the moon?|How deep is the ocean?|How old is the universe?
What is the speed of light?|What is the square root of 144?|What is pi?|Is there life on Mars?|What is 2 to the power of 10?
Who is the president?|Who is the king of England?|Who is the richest person in the world?|Who was the first man on the moon?
How many people live on Earth?|What is the tallest building in the world?|What is the longest river in the world?
What is the largest animal?|What is the fastest car?|How do airplanes fly?|Why is the sky blue?|Why do cats purr?
What is the best restaurant in town?|Recommend a book.|Recommend a film.|Which film should I watch?|Sing me a song.
What is the news today?|Give me some advice.|What should I do?|How do I become rich?|How can I lose weight?|Do you love me?
What do you think about that?|Do you dream?|Can you drive a car?|What are you wearing?|Where do you live?|How old are you?
What is your favourite colour?|Do you like music?|Are you happy?|Do you have feelings?|Who made you?|Who created you?
Fix my code.|Write some code.|Summarise this text.|Explain yourself.|Continue the story.|Once upon a time|Draw a cat.
Lorem ipsum dolor sit amet|The quick brown fox jumps over the lazy dog.|blah blah blah|What?|Why?|How?|When?|Hmm|?|...
Tell me something interesting.|Tell me a fun fact.|Surprise me.|What is new?|Write a long text.|Tell me a long story.
Write a very long story about a dragon.|Write a poem about the sea.|Write 1000 words about anything.|Explain everything.
How do I cook rice?|How do I boil an egg?|What is the recipe for pancakes?|What is a noun?|What is a verb?|Conjugate to be.
Spell the word bicycle.|How many letters are in the word tree?|Reverse the word house.|What rhymes with cat?
How many planets are there?|What is H2O?|What is the boiling point of water?|What is an atom?|What is a cell?
When does the shop open?|How much does it cost?|Where can I buy shoes?|Book a flight.|Order a pizza.|Call my mother.
Set an alarm.|Play some music.|Turn on the light.|Open the door.|What is in my pocket?|Guess my name.|Read my mind.""".replace(
    "\n", "|").split("|")
ASKED = ("Explain {t}.", "What is {t}?", "Tell me about {t}.", "How does {t} work?", "Write about {t}.", "Why {t}?",
         "Can you explain {t}?", "What do you know about {t}?", "Give me a summary of {t}.", "Explain {t} to a child.",
         "What is the history of {t}?", "I want to learn about {t}.", "What do you think about {t}?",
         "Explain {t} in one sentence.", "Describe {t}.", "Write three sentences about {t}.")
PHRASES = """Who wrote {w}?|Who made {w}?|When was {w} made?|What is {w} about?|Did you read {w}?|Summarise {w}.
Who invented the {i}?|When was the {i} invented?|How does a {i} work?|Why is the {i} important?|Where can I buy a {i}?
Write a {f} about {t}.|Write me a {f} about {t}.|Write a {f}.|Tell me a {f} about {t}.|Please write a {f} for my friend.
Write {k}.|Show me {k}.|Can you write {k}?|How do I write {k}?|How do you write {k}?
How many people live in {c}?|Who is the president of {c}?|What is the population of {c}?|What is the currency of {c}?
How big is {c}?|What do people eat in {c}?|When was {c} founded?|What is the best city in {c}?|What is the flag of {c}?
What is the history of {c}?|Tell me about {c}.|What is the highest mountain in {c}?|Who won the war in {c}?|Should I visit {c}?
Who is {n}?|Do you know {n}?|What is {n}'s phone number?|Where is {n}?|Where does {n} live?|How old is {n}?|What did {n} say?
Is {n} married?|When was {n} born?|Who is {n}'s father?|Why is {n} angry?|What does {n} do?
What is the capital of {u}?|What language do people speak in {u}?|On which continent is {u}?|Where is {u}?|What is {u}?
How do you say {w1} in {lx}?|Translate {w1} into {lx}.|What is {w1} in {lx}?|How do you say {v} in {l}?|Translate {v} into {l}.
What is {v} in {l}?|What does {v} mean?|What is the opposite of {v}?|What colour is a {v}?|What is a {v}?|Define {v}.
What is {a} * {b}?|What is {a} times {b}?|What is {a} / {b}?|What is {a} divided by {b}?|Multiply {a} by {b}.|{a} * {b}
What is {p} + {q}?|What is {p} - {q}?|Add {p} and {q}.|What is {a} percent of {p}?|Is {p} a prime number?|{p} + {q}
How much is {p} plus {q}?|Calculate {p} * {q}.|What is the square root of {p}?|What happened in {y}?|Who won in {y}?
What is the weather in {c}?|What is the weather in {n}?|How is the weather in {n} today?|Is it raining in {c}?|How warm is it in {n}?
Who was born in {y}?|What is the best film of {y}?|What was invented in {y}?""".replace("\n", "|").split("|")
FOREIGN = "Italian|Japanese|Russian|Chinese|Dutch|Swedish|Greek|Turkish|Latin|Portuguese|Czech|Korean|Danish".split("|")
NONSENSE = "the of and a in is it that was for on with as are this be at from or an by not but what all were we when".split()


def _salad(r):
    """Words in no order, as in load tests: sometimes long, sometimes one word again and again."""
    if r.random() < 0.3:
        words = [r.choice(NONSENSE + list(WORDS))] * r.randint(3, 40)
    else:
        pool = NONSENSE + list(WORDS)
        words = [r.choice(pool) if r.random() < 0.85 else invent.made_up(r).lower()
                 for _ in range(r.randint(4, 40))]
    return " ".join(words) + r.choice(("", ".", "?"))


def out_of_scope(r):
    """A question and its key (empty where the phrase alone is the fact and must be trained)."""
    kind = r.random()
    if kind < 0.2:
        return r.choice(FIXED), ""
    if kind < 0.28:
        return _salad(r), ""
    if kind < 0.45:
        i, topic = r.randrange(len(ASKED)), r.choice(TOPICS)
        return ASKED[i].format(t=topic), f"ask {i} {topic}"
    i = r.randrange(len(PHRASES))
    unknown = invent.made_up(r)
    fields = {"w": r.choice(WORKS), "i": r.choice(INVENTIONS), "f": r.choice(FORMS), "t": r.choice(TOPICS),
              "k": r.choice(CODE), "c": r.choice(tuple(COUNTRIES)), "n": invent.person(r), "u": unknown,
              "w1": r.choice(tuple(WORDS)), "lx": r.choice(FOREIGN), "v": unknown.lower(),
              "l": r.choice(LANGUAGES), "a": r.randint(2, 99), "b": r.randint(2, 99),
              "p": r.randint(100, 9999), "q": r.randint(10, 9999), "y": r.randint(1000, 2030)}
    question = PHRASES[i].format(**fields)
    return question, "refuse " + question
