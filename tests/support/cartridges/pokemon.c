/* A stand-in for Pokemon Blue and Red: the same addresses, and encounters of button presses.
 *
 * The title chooses an encounter with RIGHT: 0 to 3 are battles, 4 and 5 catches. In a battle, A hits their first creature,
 * B ours, and LEFT lets both fall in one frame. In a catch, the second throw with UP holds, and
 * DOWN runs away.
 */

#include "runtime.h"

#define PARTY 6
#define CREATURE 44
#ifndef SHIFT
#define SHIFT 0
#endif
#define my_hp(place) ((volatile uint8_t *)(0xD16C + SHIFT) + CREATURE * (place))
#define their_hp(place) ((volatile uint8_t *)(0xD8A5 + SHIFT) + CREATURE * (place))
#define my_size BYTE_AT(0xD163 + SHIFT)
#define their_size BYTE_AT(0xD89C + SHIFT)
#define in_battle BYTE_AT(0xD057 + SHIFT)
#define owned ((volatile uint8_t *)(0xD2F7 + SHIFT))
#define box_size BYTE_AT(0xDA80 + SHIFT)

#define FIRST_CATCH 4
#define ENCOUNTERS 6
#define NEWEST 18 /* the last byte of the dex */

static uint8_t encounter;

static void set_hp(volatile uint8_t *hp, uint16_t value) {
    hp[0] = value >> 8;
    hp[1] = (uint8_t)value;
}

static bool is_standing(volatile uint8_t *hp) {
    return hp[0] | hp[1];
}

static void hit(volatile uint8_t *hp, uint16_t damage) {
    uint16_t left = ((uint16_t)hp[0] << 8) | hp[1];
    set_hp(hp, left > damage ? left - damage : 0);
}

/* The place of a side's first creature that stands; its size if there is none. */
static uint8_t first_of_ours(void) {
    uint8_t place = 0;
    while (place != my_size && !is_standing(my_hp(place)))
        place++;
    return place;
}

static uint8_t first_of_theirs(void) {
    uint8_t place = 0;
    while (place != their_size && !is_standing(their_hp(place)))
        place++;
    return place;
}

static void title(void) {
    put_text(6, 8, "STAND-IN");
    do {
        next_frame();
        if (pressed & BUTTON_RIGHT && encounter + 1 < ENCOUNTERS)
            encounter++;
    } while (!(pressed & BUTTON_START));
}

static void set_up(void) {
    my_size = encounter == FIRST_CATCH + 1 ? PARTY : 2;
    their_size = 1 + (encounter & 1);
    /* Behind the parties lies what was left from before. */
    for (uint8_t place = 0; place != PARTY; place++) {
        set_hp(my_hp(place), 300);
        set_hp(their_hp(place), 280);
    }
    if (encounter == FIRST_CATCH + 1)
        owned[NEWEST] = 1;
}

static void battle(void) {
    in_battle = 2;
    while (first_of_ours() != my_size && first_of_theirs() != their_size) {
        next_frame();
        if (pressed & BUTTON_A)
            hit(their_hp(first_of_theirs()), 150);
        if (pressed & BUTTON_B)
            hit(my_hp(first_of_ours()), 150);
        if (pressed & BUTTON_LEFT) {
            hit(their_hp(first_of_theirs()), 999);
            hit(my_hp(first_of_ours()), 999);
        }
    }
    wait_frames(20);
    in_battle = first_of_ours() == my_size ? 0xFF : 0;
}

static void catching(void) {
    uint8_t throws = 0;
    in_battle = 1;
    for (;;) {
        next_frame();
        if (pressed & BUTTON_DOWN)
            break;
        if (pressed & BUTTON_UP && ++throws == 2) {
            owned[NEWEST] = 1;
            wait_frames(3);
            if (my_size < PARTY)
                my_size++;
            else
                box_size++;
            break;
        }
    }
    wait_frames(20);
    in_battle = 0;
}

void main(void) {
    start_display(tiles, sizeof tiles);
    for (;;) {
        title();
        set_up();
        next_frame();
        if (encounter < FIRST_CATCH)
            battle();
        else
            catching();
        wait_frames(30);
    }
}
