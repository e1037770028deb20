/* The creatures, moves and encounters of Duel. */

#include "duel.h"

const char type_names[TYPES][NAME] = {"PLAIN", "FIRE", "WATER", "LEAF", "STONE", "SPARK"};

const uint8_t chart[TYPES][TYPES] = {
    /* against PLAIN, FIRE, WATER, LEAF, STONE, SPARK */
    {2, 2, 2, 2, 1, 2}, /* PLAIN */
    {2, 1, 1, 4, 1, 2}, /* FIRE */
    {2, 4, 1, 1, 4, 2}, /* WATER */
    {2, 1, 4, 1, 4, 2}, /* LEAF */
    {2, 4, 2, 1, 2, 4}, /* STONE */
    {2, 2, 4, 1, 1, 1}, /* SPARK */
};

const struct move moves[] = {
    {"BUMP", PLAIN, 40, 100, 30},  {"SLAM", PLAIN, 75, 85, 10},   {"EMBER", FIRE, 40, 100, 20},
    {"BLAZE", FIRE, 85, 85, 6},    {"SPLASH", WATER, 40, 100, 20}, {"TORRENT", WATER, 85, 85, 6},
    {"THORN", LEAF, 40, 100, 20},  {"BRAMBLE", LEAF, 85, 85, 6},  {"PEBBLE", STONE, 40, 100, 20},
    {"QUAKE", STONE, 85, 85, 6},   {"ZAP", SPARK, 40, 100, 20},   {"BOLT", SPARK, 85, 85, 6},
    {"FLAIL", PLAIN, 35, 100, 0},
};

const struct species species[] = {
    {"CINDER", FIRE, 40, 60, 45, 65, CINDER, {EMBER, BLAZE, BUMP, PEBBLE}},
    {"DRIBBLE", WATER, 48, 50, 60, 45, DRIBBLE, {SPLASH, TORRENT, BUMP, THORN}},
    {"SPROUT", LEAF, 46, 52, 52, 50, SPROUT, {THORN, BRAMBLE, BUMP, ZAP}},
    {"BOULDER", STONE, 50, 60, 75, 25, BOULDER, {PEBBLE, QUAKE, SLAM, EMBER}},
    {"FLICKER", SPARK, 36, 58, 40, 80, FLICKER, {ZAP, BOLT, BUMP, SPLASH}},
    {"SCRUFF", PLAIN, 52, 54, 50, 60, SCRUFF, {BUMP, SLAM, EMBER, SPLASH}},
};

#define BATTLE(size, my_level, my_first, their_level, their_first, skill) \
    {size, my_level, my_first, size, their_level, their_first, skill, 0}
#define CATCH(my_level, my_first, their_level, their_first, rate) \
    {1, my_level, my_first, 1, their_level, their_first, 1, rate}

/* More and more creatures a side; theirs gain on ours, and choose better. */
const struct meeting encounters[] = {
    BATTLE(1, 16, CINDER_KIND, 8, FLICKER_KIND, 0),
    BATTLE(1, 16, DRIBBLE_KIND, 8, SPROUT_KIND, 0),
    BATTLE(1, 16, CINDER_KIND, 8, DRIBBLE_KIND, 0),
    BATTLE(1, 16, FLICKER_KIND, 12, SPROUT_KIND, 0),
    BATTLE(2, 18, CINDER_KIND, 14, BOULDER_KIND, 0),
    BATTLE(2, 18, FLICKER_KIND, 15, SPROUT_KIND, 1),
    BATTLE(2, 18, SPROUT_KIND, 15, CINDER_KIND, 1),
    BATTLE(2, 18, SCRUFF_KIND, 15, SPROUT_KIND, 1),
    BATTLE(3, 20, FLICKER_KIND, 18, SPROUT_KIND, 1),
    BATTLE(3, 20, BOULDER_KIND, 19, SPROUT_KIND, 1),
    BATTLE(3, 20, FLICKER_KIND, 19, SCRUFF_KIND, 2),
    BATTLE(3, 20, SCRUFF_KIND, 19, BOULDER_KIND, 2),
    BATTLE(4, 22, DRIBBLE_KIND, 22, SCRUFF_KIND, 2),
    BATTLE(4, 22, FLICKER_KIND, 22, BOULDER_KIND, 2),
    BATTLE(4, 22, SPROUT_KIND, 23, DRIBBLE_KIND, 2),
    BATTLE(4, 22, SCRUFF_KIND, 24, DRIBBLE_KIND, 3),
    BATTLE(5, 24, FLICKER_KIND, 26, CINDER_KIND, 3),
    BATTLE(5, 24, SCRUFF_KIND, 27, DRIBBLE_KIND, 3),
    BATTLE(5, 24, BOULDER_KIND, 27, FLICKER_KIND, 3),
    BATTLE(5, 24, DRIBBLE_KIND, 28, FLICKER_KIND, 3),
    BATTLE(6, 26, CINDER_KIND, 30, BOULDER_KIND, 3),
    BATTLE(6, 26, SPROUT_KIND, 31, FLICKER_KIND, 4),
    BATTLE(6, 26, SCRUFF_KIND, 31, SPROUT_KIND, 4),
    BATTLE(6, 26, FLICKER_KIND, 31, DRIBBLE_KIND, 4),
    CATCH(18, SCRUFF_KIND, 8, SPROUT_KIND, 220),
    CATCH(18, CINDER_KIND, 10, SCRUFF_KIND, 190),
    CATCH(18, DRIBBLE_KIND, 12, FLICKER_KIND, 160),
    CATCH(18, SPROUT_KIND, 14, CINDER_KIND, 130),
    CATCH(20, FLICKER_KIND, 16, DRIBBLE_KIND, 110),
    CATCH(20, BOULDER_KIND, 18, SPROUT_KIND, 90),
    CATCH(20, SCRUFF_KIND, 20, BOULDER_KIND, 75),
    CATCH(20, CINDER_KIND, 22, FLICKER_KIND, 60),
};
const uint8_t encounter_count = sizeof encounters / sizeof encounters[0];
const uint8_t battle_count = 24;
