/* What the parts of Duel share: its memory, its creatures and moves, and what each part does for the others. */
#ifndef DUEL_H
#define DUEL_H

#include "runtime.h"

#define GAME_DUEL 2
#define PARTY 6
#define NAME 8
#define NETS 8

enum { PLAIN, FIRE, WATER, LEAF, STONE, SPARK, TYPES };
enum { CINDER_KIND, DRIBBLE_KIND, SPROUT_KIND, BOULDER_KIND, FLICKER_KIND, SCRUFF_KIND, SPECIES };
enum { BUMP, SLAM, EMBER, BLAZE, SPLASH, TORRENT, THORN, BRAMBLE, PEBBLE, QUAKE, ZAP, BOLT, FLAIL };
enum { MINE, THEIRS };
enum { MENU_NONE, MENU_MAIN, MENU_MOVES, MENU_SWAP };

struct move {
    char name[NAME];
    uint8_t type, power, accuracy, pp;
};

struct species {
    char name[NAME];
    uint8_t type, hp, attack, defence, speed, picture;
    uint8_t moves[4];
};

/* A creature in the interface, 16 bytes. */
struct creature {
    uint8_t species, rank; /* rank is its level */
    uint16_t hp, max_hp;
    uint8_t attack, defence, speed;
    uint8_t pp[4];
    uint8_t unused[3];
};

/* Who meets whom. Each party's species follow one another from the first. */
struct meeting {
    uint8_t my_size, my_level, my_first, their_size, their_level, their_first;
    uint8_t skill;      /* of four: how often they choose the best move */
    uint8_t catch_rate; /* of 255, of a creature with next to no HP; 0: a battle */
};

/* The interface beyond what all games share; the two sides stand side by side. */
#define encounter BYTE_AT(0xC010)
#define catching BYTE_AT(0xC011)
#define active ((volatile uint8_t *)0xC012)
#define sizes ((volatile uint8_t *)0xC014)
#define menu BYTE_AT(0xC016)
#define cursor BYTE_AT(0xC017)
#define turns WORD_AT(0xC018)
#define caught BYTE_AT(0xC01A)
#define nets BYTE_AT(0xC01B)
#define party(side) ((volatile struct creature *)((side) == MINE ? 0xC020 : 0xC080))

extern const struct move moves[];
extern const struct species species[];
extern const struct meeting encounters[];
extern const uint8_t encounter_count, battle_count;
extern const char type_names[TYPES][NAME];

/* How well a type hits another, in halves: 1, 2 or 4. */
extern const uint8_t chart[TYPES][TYPES];

/* duel_screen.c */
void show_all(void);
void show_side(uint8_t side);
void show_counts(void);
void hide_fighter(uint8_t side);
void shake(uint8_t side);
void drain(uint8_t side); /* let the bar follow the HP */
void say(const char *first, const char *second);
void say_name(uint8_t side, const char *rest, const char *second);

#define BACK 0xFF
uint8_t choose_action(void);
uint8_t choose_move(void);
uint8_t choose_creature(bool may_go_back);

/* duel_battle.c */
void set_up(void);
volatile struct creature *fighter(uint8_t side);
bool is_spent(uint8_t side); /* no move left */
uint8_t pick_their_move(void);
uint8_t count_standing(uint8_t side);
void strike(uint8_t side, uint8_t index);
bool throw_net(void);

#endif
