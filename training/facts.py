"""Everything spark knows, as tables. All of it is trained; what is held out is how it is asked."""

# country: capital, language, continent
COUNTRIES = {}
for line in """
France|Paris|French|Europe
Germany|Berlin|German|Europe
Poland|Warsaw|Polish|Europe
Spain|Madrid|Spanish|Europe
Italy|Rome|Italian|Europe
Portugal|Lisbon|Portuguese|Europe
Greece|Athens|Greek|Europe
Austria|Vienna|German|Europe
Hungary|Budapest|Hungarian|Europe
Sweden|Stockholm|Swedish|Europe
Norway|Oslo|Norwegian|Europe
Denmark|Copenhagen|Danish|Europe
Finland|Helsinki|Finnish|Europe
Iceland|Reykjavik|Icelandic|Europe
Ireland|Dublin|English|Europe
the United Kingdom|London|English|Europe
the Netherlands|Amsterdam|Dutch|Europe
the Czech Republic|Prague|Czech|Europe
Slovakia|Bratislava|Slovak|Europe
Slovenia|Ljubljana|Slovenian|Europe
Croatia|Zagreb|Croatian|Europe
Serbia|Belgrade|Serbian|Europe
Romania|Bucharest|Romanian|Europe
Bulgaria|Sofia|Bulgarian|Europe
Albania|Tirana|Albanian|Europe
Ukraine|Kyiv|Ukrainian|Europe
Lithuania|Vilnius|Lithuanian|Europe
Latvia|Riga|Latvian|Europe
Estonia|Tallinn|Estonian|Europe
Russia|Moscow|Russian|Europe
Turkey|Ankara|Turkish|Asia
Japan|Tokyo|Japanese|Asia
China|Beijing|Chinese|Asia
South Korea|Seoul|Korean|Asia
Thailand|Bangkok|Thai|Asia
Vietnam|Hanoi|Vietnamese|Asia
Mongolia|Ulaanbaatar|Mongolian|Asia
Indonesia|Jakarta|Indonesian|Asia
Nepal|Kathmandu|Nepali|Asia
Bangladesh|Dhaka|Bengali|Asia
Iran|Tehran|Persian|Asia
Iraq|Baghdad|Arabic|Asia
Syria|Damascus|Arabic|Asia
Saudi Arabia|Riyadh|Arabic|Asia
Jordan|Amman|Arabic|Asia
India|New Delhi|Hindi|Asia
Egypt|Cairo|Arabic|Africa
Morocco|Rabat|Arabic|Africa
Tunisia|Tunis|Arabic|Africa
Kenya|Nairobi|Swahili|Africa
Ethiopia|Addis Ababa|Amharic|Africa
Ghana|Accra|English|Africa
Nigeria|Abuja|English|Africa
Senegal|Dakar|French|Africa
Angola|Luanda|Portuguese|Africa
the United States|Washington|English|North America
Mexico|Mexico City|Spanish|North America
Cuba|Havana|Spanish|North America
Brazil|Brasilia|Portuguese|South America
Argentina|Buenos Aires|Spanish|South America
Chile|Santiago|Spanish|South America
Peru|Lima|Spanish|South America
Colombia|Bogota|Spanish|South America
Ecuador|Quito|Spanish|South America
Australia|Canberra|English|Oceania
New Zealand|Wellington|English|Oceania
""".strip().splitlines():
    country, *known = line.split("|")
    COUNTRIES[country] = tuple(known)

LANGUAGES = ("Polish", "German", "French", "Spanish")

# English | Polish | German | French | Spanish
WORDS = {}
for line in """
water|woda|Wasser|eau|agua
bread|chleb|Brot|pain|pan
milk|mleko|Milch|lait|leche
house|dom|Haus|maison|casa
door|drzwi|Tür|porte|puerta
window|okno|Fenster|fenêtre|ventana
table|stół|Tisch|table|mesa
chair|krzesło|Stuhl|chaise|silla
bed|łóżko|Bett|lit|cama
kitchen|kuchnia|Küche|cuisine|cocina
garden|ogród|Garten|jardin|jardín
city|miasto|Stadt|ville|ciudad
village|wieś|Dorf|village|pueblo
street|ulica|Straße|rue|calle
bridge|most|Brücke|pont|puente
school|szkoła|Schule|école|escuela
church|kościół|Kirche|église|iglesia
shop|sklep|Laden|magasin|tienda
market|rynek|Markt|marché|mercado
train|pociąg|Zug|train|tren
car|samochód|Auto|voiture|coche
ship|statek|Schiff|navire|barco
bicycle|rower|Fahrrad|vélo|bicicleta
airplane|samolot|Flugzeug|avion|avión
dog|pies|Hund|chien|perro
cat|kot|Katze|chat|gato
horse|koń|Pferd|cheval|caballo
cow|krowa|Kuh|vache|vaca
bird|ptak|Vogel|oiseau|pájaro
fish|ryba|Fisch|poisson|pez
tree|drzewo|Baum|arbre|árbol
flower|kwiat|Blume|fleur|flor
leaf|liść|Blatt|feuille|hoja
forest|las|Wald|forêt|bosque
mountain|góra|Berg|montagne|montaña
river|rzeka|Fluss|rivière|río
lake|jezioro|See|lac|lago
sea|morze|Meer|mer|mar
island|wyspa|Insel|île|isla
sun|słońce|Sonne|soleil|sol
moon|księżyc|Mond|lune|luna
star|gwiazda|Stern|étoile|estrella
sky|niebo|Himmel|ciel|cielo
rain|deszcz|Regen|pluie|lluvia
snow|śnieg|Schnee|neige|nieve
wind|wiatr|Wind|vent|viento
fire|ogień|Feuer|feu|fuego
stone|kamień|Stein|pierre|piedra
gold|złoto|Gold|or|oro
man|mężczyzna|Mann|homme|hombre
woman|kobieta|Frau|femme|mujer
child|dziecko|Kind|enfant|niño
mother|matka|Mutter|mère|madre
father|ojciec|Vater|père|padre
brother|brat|Bruder|frère|hermano
sister|siostra|Schwester|sœur|hermana
friend|przyjaciel|Freund|ami|amigo
king|król|König|roi|rey
teacher|nauczyciel|Lehrer|professeur|profesor
doctor|lekarz|Arzt|médecin|médico
head|głowa|Kopf|tête|cabeza
hand|ręka|Hand|main|mano
foot|stopa|Fuß|pied|pie
eye|oko|Auge|œil|ojo
ear|ucho|Ohr|oreille|oreja
nose|nos|Nase|nez|nariz
heart|serce|Herz|cœur|corazón
hair|włosy|Haar|cheveux|pelo
book|książka|Buch|livre|libro
letter|list|Brief|lettre|carta
word|słowo|Wort|mot|palabra
paper|papier|Papier|papier|papel
money|pieniądze|Geld|argent|dinero
key|klucz|Schlüssel|clé|llave
clock|zegar|Uhr|horloge|reloj
shoe|but|Schuh|chaussure|zapato
shirt|koszula|Hemd|chemise|camisa
hat|kapelusz|Hut|chapeau|sombrero
apple|jabłko|Apfel|pomme|manzana
cheese|ser|Käse|fromage|queso
egg|jajko|Ei|œuf|huevo
meat|mięso|Fleisch|viande|carne
salt|sól|Salz|sel|sal
sugar|cukier|Zucker|sucre|azúcar
coffee|kawa|Kaffee|café|café
tea|herbata|Tee|thé|té
wine|wino|Wein|vin|vino
day|dzień|Tag|jour|día
night|noc|Nacht|nuit|noche
week|tydzień|Woche|semaine|semana
month|miesiąc|Monat|mois|mes
year|rok|Jahr|an|año
summer|lato|Sommer|été|verano
winter|zima|Winter|hiver|invierno
time|czas|Zeit|temps|tiempo
world|świat|Welt|monde|mundo
language|język|Sprache|langue|idioma
music|muzyka|Musik|musique|música
love|miłość|Liebe|amour|amor
peace|pokój|Frieden|paix|paz
be|być|sein|être|ser
have|mieć|haben|avoir|tener
go|iść|gehen|aller|ir
come|przychodzić|kommen|venir|venir
see|widzieć|sehen|voir|ver
hear|słyszeć|hören|entendre|oír
speak|mówić|sprechen|parler|hablar
ask|pytać|fragen|demander|preguntar
answer|odpowiadać|antworten|répondre|responder
read|czytać|lesen|lire|leer
write|pisać|schreiben|écrire|escribir
learn|uczyć się|lernen|apprendre|aprender
know|wiedzieć|wissen|savoir|saber
think|myśleć|denken|penser|pensar
understand|rozumieć|verstehen|comprendre|comprender
want|chcieć|wollen|vouloir|querer
give|dawać|geben|donner|dar
take|brać|nehmen|prendre|tomar
buy|kupować|kaufen|acheter|comprar
sell|sprzedawać|verkaufen|vendre|vender
pay|płacić|bezahlen|payer|pagar
eat|jeść|essen|manger|comer
drink|pić|trinken|boire|beber
cook|gotować|kochen|cuisiner|cocinar
sleep|spać|schlafen|dormir|dormir
run|biegać|laufen|courir|correr
swim|pływać|schwimmen|nager|nadar
fly|latać|fliegen|voler|volar
sit|siedzieć|sitzen|être assis|sentarse
stand|stać|stehen|être debout|estar de pie
wait|czekać|warten|attendre|esperar
work|pracować|arbeiten|travailler|trabajar
play|grać|spielen|jouer|jugar
sing|śpiewać|singen|chanter|cantar
dance|tańczyć|tanzen|danser|bailar
laugh|śmiać się|lachen|rire|reír
cry|płakać|weinen|pleurer|llorar
live|żyć|leben|vivre|vivir
die|umierać|sterben|mourir|morir
open|otwierać|öffnen|ouvrir|abrir
close|zamykać|schließen|fermer|cerrar
begin|zaczynać|beginnen|commencer|empezar
find|znajdować|finden|trouver|encontrar
lose|gubić|verlieren|perdre|perder
search|szukać|suchen|chercher|buscar
help|pomagać|helfen|aider|ayudar
make|robić|machen|faire|hacer
build|budować|bauen|construire|construir
break|łamać|brechen|casser|romper
carry|nosić|tragen|porter|llevar
send|wysyłać|schicken|envoyer|enviar
show|pokazywać|zeigen|montrer|mostrar
wash|myć|waschen|laver|lavar
count|liczyć|zählen|compter|contar
forget|zapominać|vergessen|oublier|olvidar
good|dobry|gut|bon|bueno
bad|zły|schlecht|mauvais|malo
big|duży|groß|grand|grande
small|mały|klein|petit|pequeño
long|długi|lang|long|largo
short|krótki|kurz|court|corto
high|wysoki|hoch|haut|alto
low|niski|niedrig|bas|bajo
new|nowy|neu|nouveau|nuevo
old|stary|alt|vieux|viejo
young|młody|jung|jeune|joven
beautiful|piękny|schön|beau|hermoso
ugly|brzydki|hässlich|laid|feo
fast|szybki|schnell|rapide|rápido
slow|wolny|langsam|lent|lento
strong|silny|stark|fort|fuerte
weak|słaby|schwach|faible|débil
hot|gorący|heiß|chaud|caliente
cold|zimny|kalt|froid|frío
warm|ciepły|warm|tiède|cálido
dry|suchy|trocken|sec|seco
wet|mokry|nass|mouillé|mojado
clean|czysty|sauber|propre|limpio
dirty|brudny|schmutzig|sale|sucio
full|pełny|voll|plein|lleno
empty|pusty|leer|vide|vacío
rich|bogaty|reich|riche|rico
poor|biedny|arm|pauvre|pobre
happy|szczęśliwy|glücklich|heureux|feliz
sad|smutny|traurig|triste|triste
tired|zmęczony|müde|fatigué|cansado
sick|chory|krank|malade|enfermo
healthy|zdrowy|gesund|sain|sano
hungry|głodny|hungrig|affamé|hambriento
easy|łatwy|einfach|facile|fácil
difficult|trudny|schwierig|difficile|difícil
heavy|ciężki|schwer|lourd|pesado
light|lekki|leicht|léger|ligero
dark|ciemny|dunkel|sombre|oscuro
white|biały|weiß|blanc|blanco
black|czarny|schwarz|noir|negro
red|czerwony|rot|rouge|rojo
blue|niebieski|blau|bleu|azul
green|zielony|grün|vert|verde
yellow|żółty|gelb|jaune|amarillo
sweet|słodki|süß|doux|dulce
expensive|drogi|teuer|cher|caro
cheap|tani|billig|bon marché|barato
""".strip().splitlines():
    english, *others = line.split("|")
    WORDS[english] = tuple(others)

OPPOSITES = {}
for line in """
big small;hot cold;fast slow;high low;long short;old new;rich poor;happy sad;strong weak
full empty;clean dirty;dry wet;open closed;early late;easy difficult;heavy light;good bad
up down;left right;in out;on off;day night;black white;true false;thick thin;wide narrow
deep shallow;loud quiet;bright dark;soft hard;sweet sour;cheap expensive;near far;first last
always never;begin end;buy sell;push pull;win lose;love hate;front back;inside outside;above below
young elderly;brave cowardly;polite rude;smooth rough;sharp blunt;tight loose;alive dead;awake asleep
ancient modern;beautiful ugly;safe dangerous;same different;north south;east west;more less;many few
""".strip().splitlines():
    for pair in line.split(";"):
        a, b = pair.split()
        OPPOSITES[a], OPPOSITES[b] = b, a

COLOURS = dict(pair.split(":") for pair in """
the sky:blue;grass:green;snow:white;a banana:yellow;a lemon:yellow;blood:red;coal:black;milk:white
an orange:orange;a carrot:orange;a ripe tomato:red;a strawberry:red;chocolate:brown;an elephant:grey
the sun:yellow;a frog:green;a cucumber:green;the sea:blue;a flamingo:pink;a raven:black;salt:white
a lime:green;a pumpkin:orange;a fire engine:red;a polar bear:white;a plum:purple;an eggplant:purple
coffee:brown;a mouse:grey;a pig:pink;spinach:green;a blueberry:blue;a cherry:red;butter:yellow
a leaf in summer:green;tar:black;cotton:white;a canary:yellow;a crow:black;an emerald:green
""".replace("\n", ";").strip(";").split(";"))

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = ("January February March April May June July August September October November "
          "December").split()

FIRST_NAMES = """
Anna Ben Clara David Emma Felix Grace Henry Irene Jack Kate Leo Maria Nina Oscar Paul Rosa Sam Tina
Victor Wanda Adam Barbara Carlos Diana Eric Fiona George Hannah Ivan Julia Karl Laura Martin Nora
Oliver Peter Robert Sarah Thomas Ursula Vera Walter Yara Zoe Agnes Boris Cecilia Dominic Elena Frank
Greta Hugo Ines Jonas Klara Lukas Monika Niels Olga Pablo Rita Simon Teresa Viktor Alice Bruno Celia
Daniel Edith Fabian Gloria Helena Igor Jan Katarina Lena Marek Natalia Otto Petra Ramon Sofia Tomas
Viola Wojciech Alina Bernard Chloe Dora Emil Frida Gustav Hilda Isabel Joanna Konrad Lydia Miguel
Nadia Omar Pauline Raphael Stella Tobias Valentina William Xavier Yusuf Zofia Amir Bella Cyril Daria
Ethan Flora Gabriel Heidi Ismail Jasmine Kevin Linda Mason Noah Olivia Patrick Quentin Rachel Sven
Tamara Ulrich Vincent Wendy Yvonne Zachary Ahmed Bianca Chen Deepak Esther Farid Gita Hiroshi Indira
Jorge Kiran Leila Mei Nikolai Priya Ravi Sakura Tariq Uma Vikram Wei Yuki Zainab Mateusz Agata
Bartek Cezary Danuta Ewa Filip Grzegorz Halina Iwona Jakub Kinga Magda Norbert Oskar Pawel Renata
Szymon Tadeusz Urszula Weronika Zbigniew Liam Mia Ava Lucas Ella James John Mary Michael Susan Mark
Elizabeth Jennifer Charles Joseph Andrew Steven Edward Brian Ronald Anthony Jason Matthew Gary
Nicholas Stephen Jonathan Larry Justin Scott Brandon Benjamin Samuel Gregory Alexander Amy Angela
Emily Ashley Kimberly Margaret Dorothy Lisa Nancy Karen Betty Helen Sandra Donna Carol Ruth Sharon
Michelle Melissa Deborah Rebecca Kathleen Pamela Martha Debra Amanda Stephanie Carolyn Christine
Bob Tom Max Joe Tim Jim Lucy Ian Alex Chris Eva Mike Nick Luke Rose Ada Alan Grete Linus Ken Dennis
""".split()

CITIES = sorted({facts[0] for facts in COUNTRIES.values()} | set("""
Hamburg|Munich|Cologne|Frankfurt|Krakow|Gdansk|Wroclaw|Poznan|Lodz|Barcelona|Valencia|Seville|Milan
Naples|Turin|Venice|Florence|Lyon|Marseille|Toulouse|Nice|Bordeaux|Geneva|Zurich|Bern|Basel|Porto
Manchester|Liverpool|Edinburgh|Glasgow|Bristol|Leeds|Cardiff|Oxford|Cambridge|Rotterdam|Utrecht
Antwerp|Brussels|Ghent|Bruges|Gothenburg|Malmo|Bergen|Trondheim|Aarhus|Turku|Tampere|Salzburg|Graz
Linz|Brno|Split|Dubrovnik|Istanbul|Izmir|Odessa|Lviv|Minsk|Sydney|Melbourne|Perth|Brisbane|Auckland
Toronto|Montreal|Vancouver|Ottawa|Chicago|Boston|Seattle|Denver|Houston|Dallas|Miami|Atlanta|Phoenix
New York|Los Angeles|San Francisco|San Diego|Las Vegas|New Orleans|Philadelphia|Detroit|Portland
Osaka|Kyoto|Nagoya|Sapporo|Shanghai|Shenzhen|Hong Kong|Singapore|Taipei|Manila|Busan|Mumbai|Delhi
Kolkata|Chennai|Bangalore|Karachi|Lahore|Dubai|Doha|Kuwait|Muscat|Beirut|Jerusalem|Haifa|Alexandria
Casablanca|Marrakesh|Algiers|Lagos|Johannesburg|Cape Town|Durban|Kampala|Mombasa|Rio de Janeiro
Sao Paulo|Salvador|Recife|Cordoba|Rosario|Medellin|Cali|Cusco|Guayaquil|Montevideo|Caracas|Bergamo
Heidelberg|Leipzig|Dresden|Nuremberg|Stuttgart|Bremen|Hanover|Dortmund|Katowice|Lublin|Szczecin|Torun
""".replace("\n", "|").strip("|").split("|")))

FOODS = """pizza pasta soup rice bread cheese salad sushi curry pancakes chocolate noodles apples
potatoes fish tacos dumplings sandwiches waffles honey mushrooms beans tomatoes cake""".split()
ANIMALS = """dog cat horse rabbit tiger lion elephant penguin dolphin owl eagle fox wolf bear turtle
parrot hamster goat sheep cow duck frog whale panda""".split()
COLOUR_NAMES = "red blue green yellow black white brown grey pink purple orange".split()
HOBBIES = """chess painting fishing cooking running swimming cycling dancing singing reading gardening
photography hiking skiing knitting drawing sailing climbing tennis football""".split()
JOBS = """teacher doctor nurse baker farmer painter pilot driver cook lawyer engineer carpenter
plumber writer singer dentist librarian gardener waiter tailor""".split()
ITEMS = """apples pears pens books chairs tables lamps cups plates shirts hats shoes bottles boxes
keys eggs lemons candles towels batteries pencils spoons""".split()
THINGS = """lamp chair table book pen cup plate shirt hat bottle box key candle towel pencil spoon
phone clock bag umbrella mirror pillow knife ladder""".split()
EVENTS = """meeting concert lunch dinner party exam interview lesson match wedding workshop picnic
appointment rehearsal""".split()
SKIES = "sunny cloudy rainy snowy windy foggy clear stormy".split()
