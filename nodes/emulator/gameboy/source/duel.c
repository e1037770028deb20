/* Duel: creatures meet in turns. Nothing happens while nobody chooses: waiting costs time, never the game. */

#include "duel.h"

enum { FIGHT, SWAP, THROW };

#define LOGO_WIDTH 12
#define LOGO_HEIGHT 4
static const uint8_t logo[LOGO_HEIGHT][LOGO_WIDTH] = {
    {7, 3, 4, 5, 0, 5, 7, 3, 1, 5, 0, 0},
    {5, 0, 5, 5, 0, 5, 13, 12, 0, 5, 0, 0},
    {5, 0, 5, 5, 0, 5, 5, 0, 0, 5, 0, 0},
    {3, 3, 0, 2, 3, 0, 3, 3, 1, 3, 3, 1},
};

static void finish(uint8_t how) {
    ended = how;
    state = STATE_OVER;
}

static void send_out(uint8_t side, uint8_t index) {
    active[side] = index;
    show_side(side);
    say_name(side, side == MINE ? " GOES IN" : " APPEARS", "");
}

/* After a blow: whoever fell is replaced. Says whether the duel is over. */
static bool settle(uint8_t side) {
    if (fighter(side)->hp)
        return false;
    hide_fighter(side);
    show_counts();
    say_name(side, " FALLS", "");
    if (!count_standing(side)) {
        finish(side == THEIRS && !catching ? ENDED_WON : ENDED_LOST);
        return true;
    }
    if (side == MINE) {
        send_out(MINE, choose_creature(false));
    } else {
        uint8_t index = 0;
        while (!party(THEIRS)[index].hp)
            index++;
        send_out(THEIRS, index);
    }
    return false;
}

/* Let both strike, or one, and settle each blow. Says whether the duel is over. */
static bool exchange(uint8_t first, uint8_t count, const uint8_t *chosen) {
    uint8_t side = first;
    while (count--) {
        uint8_t target = side == MINE ? THEIRS : MINE;
        volatile struct creature *before = fighter(target);
        strike(side, chosen[side]);
        if (settle(target) || settle(side))
            return true;
        /* Who has just come in does not strike in this turn. */
        if (fighter(target) != before)
            return false;
        side = target;
    }
    return false;
}

static bool try_to_catch(void) {
    say("YOU THROW A NET", "");
    if (throw_net()) {
        caught = 1;
        score++;
        hide_fighter(THEIRS);
        finish(ENDED_WON);
        return true;
    }
    show_counts();
    say("IT BREAKS FREE", "");
    if (nets)
        return false;
    say("NO NETS ARE LEFT", "IT RUNS AWAY");
    finish(ENDED_LOST);
    return true;
}

/* One turn of ours and theirs. Says whether the duel is over. */
static bool take_turn(void) {
    uint8_t chosen[2];
    for (;;) {
        uint8_t action = choose_action();
        if (action == THROW) {
            turns++;
            chosen[THEIRS] = pick_their_move();
            return try_to_catch() || exchange(THEIRS, 1, chosen);
        }
        if (action == SWAP) {
            uint8_t index;
            if (count_standing(MINE) == 1) {
                say("NOBODY ELSE", "IS LEFT");
                continue;
            }
            index = choose_creature(true);
            if (index == BACK || index == active[MINE])
                continue;
            turns++;
            chosen[THEIRS] = pick_their_move();
            send_out(MINE, index);
            return exchange(THEIRS, 1, chosen);
        }
        chosen[MINE] = is_spent(MINE) ? 4 : choose_move();
        if (chosen[MINE] == BACK)
            continue;
        if (chosen[MINE] < 4 && !fighter(MINE)->pp[chosen[MINE]]) {
            say("NO PP LEFT", "FOR THIS MOVE");
            continue;
        }
        break;
    }
    turns++;
    chosen[THEIRS] = pick_their_move();
    {
        uint8_t my_speed = fighter(MINE)->speed, their_speed = fighter(THEIRS)->speed;
        bool first = my_speed == their_speed ? random_byte() & 1 : my_speed > their_speed;
        return exchange(first ? MINE : THEIRS, 2, chosen);
    }
}

static void show_choice(void) {
    fill(2, 11, 16, 1, EMPTY);
    put_tile(4, 11, '<' - ' ');
    put_text(6, 11, encounter < battle_count ? "BATTLE" : "CATCH");
    put_number(12, 11, encounter < battle_count ? encounter + 1 : encounter - battle_count + 1, 2, ' ');
    put_tile(15, 11, '>' - ' ');
}

static void title_screen(void) {
    uint8_t blink = 0;
    fill(0, 0, SCREEN_COLUMNS, SCREEN_ROWS, EMPTY);
    put_frame(0, 0, SCREEN_COLUMNS, SCREEN_ROWS);
    put_logo(4, 2, LOGO_WIDTH, LOGO_HEIGHT, logo[0]);
    for (uint8_t row = 0; row != 4; row++)
        for (uint8_t column = 0; column != 4; column++) {
            put_tile(2 + column, 6 + row, CINDER + row * 4 + column);
            put_tile(8 + column, 6 + row, SCRUFF + row * 4 + column);
            put_tile(14 + column, 6 + row, DRIBBLE + row * 4 + column);
        }
    show_choice();
    state = STATE_TITLE;
    do {
        if ((blink & 0x1F) == 0) {
            if (blink & 0x20)
                fill(4, 14, 12, 1, EMPTY);
            else
                put_text(4, 14, "PRESS START");
        }
        blink++;
        next_frame();
        if (pressed & BUTTON_RIGHT && encounter + 1 < encounter_count)
            encounter++;
        if (pressed & BUTTON_LEFT && encounter)
            encounter--;
        if (pressed & (BUTTON_LEFT | BUTTON_RIGHT))
            show_choice();
    } while (!(pressed & BUTTON_START));
}

static void duel(void) {
    start_random();
    ended = NOT_ENDED;
    set_up();
    show_all();
    wait_frames(SCREEN_ROWS / 2); /* until all of it is on the screen */
    state = STATE_PLAY;
    say_name(THEIRS, " APPEARS", "");
    while (!take_turn())
        ;
}

static void last_words(void) {
    const char *words = "YOU LOSE";
    if (ended == ENDED_WON)
        words = catching ? "CAUGHT!" : "YOU WIN!";
    put_frame(0, 12, 20, 6);
    put_text(6, 14, words);
    do
        next_frame();
    while (!(pressed & BUTTON_START));
}

void main(void) {
    start_display(tiles, sizeof tiles);
    game = GAME_DUEL;
    for (;;) {
        title_screen();
        duel();
        last_words();
    }
}
