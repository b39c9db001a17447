// The words of which names are made: 2,048, so that each is 11 bits. They are plain to say and to spell; the first four
// letters tell any two apart, and one wrong letter never makes one into another.

export const words =
  `abacus abbey ability able aboard above abroad absorb abstract academy accent account achieve acorn acoustic acquire
across active actor adapt add adjacent adjust admire adobe adult advance advent aerial aerobic affable afford afloat
again agenda agile agree airport alarm album alchemy alcove alert alfalfa algae algebra align alike alliance almanac
almond alone alpaca alphabet alpine already alto aluminum always amateur amazing amber ambition amenity amulet amuse
analyst anatomy anchor ancient anew angle animal announce annual another answer antelope anthem antique antler anvil
apart apology apparel appear apple apricot apron aquarium arbor arcade archive arctic area argue armada armchair
aroma around arrange arrive arrow artist ashore asking aspen asphalt aster astonish athlete atlas atom attic attract
auction audio august aurora author autobahn autumn avenue average aviator avocado avoid await awake award away
awning axis azure baboon baby backpack bacon badge bagel baker balance balcony ballpark bamboo banana bandage banjo
banner banquet barber barista barley barn barrel baseball basic basket bathtub battery bayberry bead beagle beanbag
beaver because become bedroom bedtime beehive beetle before befriend begin behave behind believe belong bench
benefit beside better between beverage beyond bicycle bikini bilberry billow binder bingo biology biplane birch bird
birthday biscuit bishop bison blacktop blade blanket blazer bleach blend bless blimp blink blithe blizzard block
bloom blossom blouse bluebell blush bobcat bobsled body boiler bolt bonfire bonus bookcase boomer boost booth border
borrow botany bottle boulder bounce bowl boxer bracelet brain bramble branch brass brave breeze brick bridge brief
brigade bring brisket brittle broccoli broker bronze brook brother brown bubble bucket buddy budget buffalo buggy
bugle build bulb bulletin bumper bundle bungalow bunting burger burlap burst bushel business busy butler button
buyer buzzer cabbage cabin cactus cadet cafe calcium calendar calico calm camera camp canal candle canine canoe
canteen canvas canyon capable capital captain caramel carbon cardinal career cargo caribou carnival carpet carriage
cartoon carve cascade cashier cassette castle casual catalog catcher category catfish catnip caution cedar celery
cement center ceramic chain chalk champion change chapter charcoal chase check cheddar cheese chef cherry chess
chevron chicken child chimney chipmunk chisel choice chowder chrome chuckle churn cider cinema cinnamon circle
citadel citizen citrus city civic clarinet classic clay clever click client cliff climate clinic clip cloak clothing
cloud club cluster clutch coach coast cobalt cobra cockpit cocoa code coffee coin collar cologne column combine
comet comfort comic command company concert condor confetti congress conifer connect consider contact convoy cookie
cooler copilot copper copy coral corduroy corner correct cosmos costume cottage cougar country couple courage cousin
cover cowboy coyote crab cracker cradle craft crane crater crawl crayon create credit crescent cricket crimson crisp
critic crocus crossing crowd crumb crunch crust crystal cube cubic cucumber cuff cupboard cupcake curious curl
current curtain cushion custom cutlery cycle cylinder dabble daffodil dahlia daily damask dance dandy dapper
darkroom darling dart dash data dawn daybreak dazzle dean debate debut decade december decimal deck decorate
dedicate deep define degree delegate delight delta deluxe demand denim dentist depart depend depot depth derby
design destiny detail detect detour deuce develop device dewdrop diagram dialect diamond diary diesel diet differ
digital dignity dilute dimple dinner dinosaur diploma direct discover dispatch distance ditto diver divide dizzy
doctor document dodge dogwood dolly dolphin domain domestic domino donate donkey donor donut doorway dotted double
dove downtown dozen dragon drama drawer dream dress drift drink drip drive drizzle drone droplet drum duckling
dugout dumpling dune duplex durable dusk dustpan duty dwell dynamic each eager eardrum early earnest earring earth
easel easily east eatery ebony echo eclair eclipse ecology eddy edge edible edifice edit educate effect effort
eggplant egret elastic elbow elder electric elegant elephant eleven elfin elite elk embassy emblem embrace emerald
emotion empathy emperor empire employ empty emu enable enamel enchant enclose endeavor endive endless energy engage
engine engrave enjoy enlarge enough enrich ensemble entire entrance envelope envision enzyme epic episode equal
equinox eraser erupt escape escort essence estate estimate eternal ethics evening everyone evident evolve exact
example excerpt exchange excite exercise exhibit exotic expand explore express extra eyebrow fabled fabric fabulous
face factory faculty fairway faith falcon family famous fancy fanfare fantasy farewell farmer farthing fashion
fasten father faucet favor february federal fedora feedback feeling fellow felt fence fennel ferry fertile fervent
festival fetch fever fiber fiction fiddle field fiesta fifteen figure film filter final finch finger finish fire
first fish fitness fixture fizz flag flame flannel flapjack flash fleet flexible flicker flight flint flipper floor
florist floss flotilla fluff fluid flurry flute fly flywheel foam focus fog folder folio football forage force
forest forgive fork formal forty forum forward fossil foster fountain fraction fragment frank freckle freedom
freight fresh friend frigate fringe frisbee frock frolic frontier frost frozen fruit fudge fuel fulcrum function
fungus funny furnace furrow fuselage fusion future fuzzy gadget gala gallery game gamma garage garden gargle garlic
garnet gateway gauge gazebo gear gecko gem gemstone general genius gentle genuine geology geometry geranium gesture
getaway geyser ghost giant gift giggle giraffe girder girl give gizmo glacier glad glance glass gleam gleeful glen
glide glimpse glitter globe glory glossary glow glucose glue goal goblet goggles golden golf gondola good goose
gopher gorge gosling gospel gossip gourmet govern grace gradual grammar granite graph gravel green grid griffin
grill grinder grocery groove grotto group growth guard guava guest guitar gumdrop gumption guppy gusto gymnast
gypsum habit hacksaw haddock haggle haiku hairpin halibut hallway halo hamlet hammer hamster handbag hangout happy
hardware harmony harness harp harvest hatch haven hawk hayloft haystack hazard hazel headline health heather heavy
hedgehog height helium helmet help herald herbal heritage hermit hero herring hexagon hickory hidden hideaway
highland hike hiking hilltop hinge hippo history hobby hockey hoist hold holiday hollow holster home honest hook
hooray hop hopeful horizon hornet horsefly hospital hostel hotcake huddle huge hull hum human humble humid hummock
humor hundred hungry hunter hurry husband hush husky hustle hybrid hydrant ibex ice iceberg icicle icon idea
identify igloo ignite iguana image immerse impact import improve include income increase index indigo indoor
industry inflate inform initial inkwell inland inlet input insect inside inspire install integer into invent invite
inward iris issuer item ivory ivy jacket jade jaguar jamboree january jasmine javelin jaw jaybird jazz jeans jelly
jersey jet jewel jiffy jigsaw jingle job jogger joke journal jovial joyful joyous jubilee judo juggle juice july
jumbo jump junior junket just kangaroo karate karma kayak keepsake kernel ketchup kettle key keyboard kick kiln
kimono kindly king kiosk kitchen kite kitten kiwi knack knapsack koala label labor lacquer lacrosse lactose ladder
ladle lady lagoon lake lamb lamppost landmark language lantern lapdog lapis lapse laptop larch large lark lasagna
laser lasso lasting latent latte laugh laundry laurel lava lavender lawyer leader leaf learn lease lecture left
legal legend legging leisure lemon lemur length lens lentil leopard lettuce level liberty library license lid
lifeboat lighter lilac lily lime limit limpid linen linguist lion liquid list literacy little lizard llama lobster
local locket locust lofty logbook logic logo lollipop long loop loosen lotion lotus lounge lovely loyalty lucid
lucky luggage lullaby lumber luminous lunar lunch luxury lynx macaroni machine maestro magenta magic magma magnet
magpie mailbox major malt mammal manage mandolin mango manual maple marathon marble margin marigold market marmot
maroon marsh marvel mascot mastodon matador material matrix maximum meadow measure mechanic medium medley melody
member memory mention menu merchant meringue mermaid mesa message meteor method metro midnight midway migrate mild
milkweed million mimic mimosa mineral minimum mint minute miracle mirror mister mobile mocha model module moisture
moment monarch monday mongoose monsoon month moon mosaic mother motor motto mouse movie muffin mulberry mulch mule
multiply museum mushroom music mustard napkin narwhal nation nature navigate navy neat nebula nectar needle neighbor
neon nephew neptune nestle network newborn newsroom nibble nickel nifty night nine ninja noble noise nomad noodle
north notch notebook nothing notice novel nugget nurse nutmeg nylon oak oasis oatmeal object oblong oboe observe
obtain ocean octagon october offer office often oil olive olympic omega omelet onion online onyx opal open opera
opinion opposite optical oracle orange orbit orchard oregano organ orient origami oriole ornament osprey ostrich
otter ottoman outcome outdoor outfield outgoing outlet outside overcoat owner oxygen oyster ozone pacific package
paddle padlock page pagoda painter palace palette pancake panda panel panther papaya paper paprika parade parcel
parent parka parlor parrot parsley partner passage pasta path patient patrol pattern pavement paving payment peacock
peanut pebble pecan pegboard pelican pencil penguin pennant peony people pepper perfect period person petal pharmacy
pheasant phoenix phone photo piano piccolo pickle picnic picture pigeon pigment pilgrim pilot pinball pinecone pink
pioneer pirate pitcher pixel pixie pizza planet plasma plate playful plaza plenty plunge plywood podium poem point
poker polar polite polka polo polygon pond pontoon pool popcorn poppy popular porch porridge portrait position
possible postcard potato potluck pottery poultry powder practice prairie predict preface prelude premium prepare
present pretty previous prickly primary prince prism private prize proceed profile program project promise pronto
proper protein proud provide public pudding pulley pulp puma pumpkin pupil puppet purchase purple puzzle pyramid
python quality quantum quartz queen query quick quiet quilted quince quiz rabbit raccoon racecar radar radiant
railway rainbow raisin rally random ranger rapid rare rascal ratchet rattle ravioli razor readable reason rebound
receive recipe record rector recycle redwood reef refresh regent region regular rehearse reindeer relax release
relish remain remember remind remote renew repair reply report reptile request rescue research resident resource
respect restful result return reunion revamp reveal review reward rhino ribbon ricotta rigging ringlet ripple rival
roadster robin robot robust rodeo roller romance roof roommate rooster rope rosemary rotate rowboat royal rubber
ruby rudder ruffle rugged ruler runner runway rural rustic safari saffron saga sailboat salad salmon salsa salute
sample sand sapling sapphire sardine satchel satin saturn sausage sawdust scan scarf scatter scenic schedule scholar
science scoop scorpion scout screen script scroll scuba sculptor seafood seagull search seashore seaweed second
secret section sedan seed segment select selfless semester senate senior separate serenade series service sesame
session settler seven shadow shaggy shallow shampoo shape shelf shepherd shield shift shimmer shingle ship shoebox
shopper shoulder shovel show shrimp shrub shuffle shutter sidewalk sierra signal silent silk silver similar siren
six size sizzle skate skeleton sketch ski skill skipper skyline sleep slender slice slogan slope small smart smile
smoke smooth snail snapshot sneaker sneeze snippet snorkel snowball snug soap soccer social soda soft solid soloist
solution sombrero sonata sonnet soprano sound south soybean space spaniel sparrow spatula speak special speech spell
sphere spider spinach spiral splash splendid sponge spoon sport spray spread spring sprout spruce square squeeze
squid stable stadium staff stage stallion stamp starfish statue steady stencil stereo stick stilt stir stone stool
storm stream strong student sturdy style subject submit suburb subway success sudden sugar suggest suitcase summer
sunbeam sunday sunrise sunset supply surface surprise survey sushi sustain sweater swim swing switch sycamore symbol
symphony syrup system tabby tablet tackle tactic tadpole taffy tailor talent talk tandem tapestry target tassel
taste tavern teacup teak teammate teapot telegram temple tender tennis tent terrace textbook theater theme theory
thicket thimble thirty thistle thorn thread thrive thrush thunder thursday tidy tiger timber timid tinker tinsel
tiptoe tissue title toboggan today toddler tofu together toggle token tomato tomorrow tonight toolbox topaz topic
tornado torrent tortoise total totem toucan tourist toward tower town toy track trade traffic trail transit trapeze
treasure tree trellis trend triangle tribute tricycle trifle trim trinket trolley trombone trophy trousers trumpet
trunk tuba tuesday tugboat tulip tumbler tunic tunnel turbine turkey turnip turtle tuxedo tweed twelve twenty twice
twig twilight twinkle twirl twist type typist ukulele ultimate umbrella uncle unfold unfurl unicorn uniform unique
unison unity universe unlock unusual upbeat update upgrade uphill upkeep upland uplift upstairs upward useful usher
utility utmost vacation vacuum valet valid valley value vanilla vapor variety vase vault vegan vehicle velcro velvet
vendor verify vessel vibrant victory video view vigor village vinegar vintage vinyl viola visible vista visual vital
vivid vocalist voice volcano volume vote voyage vulture waffle wagon wagtail walker wallet walnut walrus waltz
wander wardrobe warm warrior washer wasp water wedding weekend welcome wellness west wharf wheel whirl wide widget
wigwam window wingspan winter wisdom wishbone wombat woodland woolly word workshop worldly worthy woven writer yard
yearbook yoga yonder zebra zinc zipper zodiac zoom`.split(/\s/)
