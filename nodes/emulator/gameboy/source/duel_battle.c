/* The rules of Duel: who hits how hard, who falls, and who is caught. */

#include "duel.h"

volatile struct creature *fighter(uint8_t side) {
    return party(side) + active[side];
}

static void make_creature(volatile struct creature *creature, uint8_t kind, uint8_t its_level) {
    const struct species *model = &species[kind];
    uint16_t grown = its_level + 10;
    creature->species = kind;
    creature->rank = its_level;
    creature->max_hp = creature->hp = ((model->hp * grown) >> 5) + grown;
    creature->attack = (model->attack * grown) >> 5;
    creature->defence = (model->defence * grown) >> 5;
    creature->speed = (model->speed * grown) >> 5;
    for (uint8_t index = 0; index != 4; index++)
        creature->pp[index] = moves[model->moves[index]].pp;
}

static void make_party(uint8_t side, uint8_t size, uint8_t kind, uint8_t its_level) {
    volatile uint8_t *byte = (volatile uint8_t *)party(side);
    for (uint8_t left = PARTY * sizeof(struct creature); left; left--)
        *byte++ = 0;
    for (uint8_t index = 0; index != size; index++) {
        make_creature(party(side) + index, kind, its_level);
        kind = kind == SPECIES - 1 ? 0 : kind + 1;
    }
    sizes[side] = size;
    active[side] = 0;
}

void set_up(void) {
    const struct meeting *meeting = &encounters[encounter];
    make_party(MINE, meeting->my_size, meeting->my_first, meeting->my_level);
    make_party(THEIRS, meeting->their_size, meeting->their_first, meeting->their_level);
    catching = meeting->catch_rate != 0;
    nets = catching ? NETS : 0;
    level = meeting->their_level;
    score = 0;
    turns = 0;
    caught = 0;
    menu = MENU_NONE;
    cursor = 0;
}

uint8_t count_standing(uint8_t side) {
    uint8_t count = 0;
    for (uint8_t index = 0; index != sizes[side]; index++)
        count += party(side)[index].hp != 0;
    return count;
}

bool is_spent(uint8_t side) {
    volatile struct creature *creature = fighter(side);
    return !(creature->pp[0] | creature->pp[1] | creature->pp[2] | creature->pp[3]);
}

static uint8_t other(uint8_t side) {
    return side == MINE ? THEIRS : MINE;
}

static uint8_t advantage(uint8_t side, const struct move *move) {
    return chart[move->type][species[fighter(other(side))->species].type];
}

/* What a hit takes, before chance. A creature's own type hits half again as hard. */
static uint16_t full_damage(uint8_t side, const struct move *move) {
    volatile struct creature *from = fighter(side), *to = fighter(other(side));
    uint32_t damage = (uint32_t)((from->rank << 1) / 5 + 2) * move->power * from->attack / to->defence / 50 + 2;
    if (move->type == species[from->species].type)
        damage += damage >> 1;
    return (uint16_t)((damage * advantage(side, move)) >> 1);
}

uint8_t pick_their_move(void) {
    volatile struct creature *creature = fighter(THEIRS);
    const uint8_t *known = species[creature->species].moves;
    uint8_t best = 0;
    uint16_t most = 0;
    if (is_spent(THEIRS))
        return 4;
    if (random_below(4) >= encounters[encounter].skill) {
        do
            best = random_below(4);
        while (!creature->pp[best]);
        return best;
    }
    for (uint8_t index = 0; index != 4; index++) {
        uint16_t damage = full_damage(THEIRS, &moves[known[index]]);
        if (creature->pp[index] && damage > most) {
            most = damage;
            best = index;
        }
    }
    return best;
}

static void hurt(uint8_t side, uint16_t damage) {
    volatile struct creature *creature = fighter(side);
    creature->hp = damage >= creature->hp ? 0 : creature->hp - damage;
    if (!creature->hp && side == THEIRS)
        score++;
    drain(side);
}

/* One creature uses a move, by its place; with no place left it flails, and is hurt by it. */
void strike(uint8_t side, uint8_t index) {
    volatile struct creature *from = fighter(side);
    const struct move *move = &moves[index < 4 ? species[from->species].moves[index] : FLAIL];
    uint8_t factor = advantage(side, move);
    uint16_t damage;
    if (index < 4)
        from->pp[index]--;
    say_name(side, " USES", move->name);
    if (random_below(100) >= move->accuracy) {
        say("IT MISSES", "");
        return;
    }
    damage = (uint16_t)((uint32_t)full_damage(side, move) * (217 + random_below(39)) / 255);
    shake(other(side));
    hurt(other(side), damage ? damage : 1);
    if (factor != 2)
        say(factor == 4 ? "IT HITS HARD!" : "IT HARDLY HURTS", "");
    if (index >= 4) {
        say_name(side, " IS HURT", "BY IT");
        hurt(side, from->max_hp >> 3);
    }
}

/* The odds grow from a third of the rate at full HP to all of it. */
bool throw_net(void) {
    volatile struct creature *wild = fighter(THEIRS);
    uint16_t thrice = wild->max_hp * 3;
    uint8_t odds = (uint8_t)((uint32_t)encounters[encounter].catch_rate * (thrice - (wild->hp << 1)) / thrice);
    nets--;
    return random_byte() < odds;
}
