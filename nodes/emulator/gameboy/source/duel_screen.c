/* What Duel shows: two creatures with their bars, and a box for words and menus. */

#include "duel.h"

#define BAR_TILES 6
#define BOX_ROW 12
#define WORD_FRAMES 45
#define LIST_COLUMN 3

/* Where each side's picture and its name stand. */
static const uint8_t picture_columns[2] = {2, 14};
static const uint8_t picture_rows[2] = {7, 1};
static const uint8_t name_columns[2] = {9, 1};
static const uint8_t name_rows[2] = {7, 1};

static uint8_t shown[2]; /* pixels of each bar */

static uint8_t bar_pixels(uint8_t side) {
    volatile struct creature *creature = fighter(side);
    uint16_t pixels = creature->hp * (BAR_TILES * 8) / creature->max_hp;
    return creature->hp && !pixels ? 1 : (uint8_t)pixels;
}

static void show_bar(uint8_t side) {
    uint8_t column = name_columns[side] + 2, row = name_rows[side] + 1, left = shown[side];
    put_text(name_columns[side], row, "HP");
    put_tile(column++, row, BAR_LEFT);
    for (uint8_t tiles_left = BAR_TILES; tiles_left; tiles_left--) {
        uint8_t pixels = left > 8 ? 8 : left;
        put_tile(column++, row, BAR_0 + pixels);
        left -= pixels;
    }
    put_tile(column, row, BAR_RIGHT);
}

static void show_numbers(void) {
    volatile struct creature *creature = fighter(MINE);
    put_number(11, 9, creature->hp, 3, ' ');
    put_tile(14, 9, '/' - ' ');
    put_number(15, 9, creature->max_hp, 3, ' ');
}

void drain(uint8_t side) {
    uint8_t wanted = bar_pixels(side);
    while (shown[side] != wanted) {
        shown[side] += shown[side] < wanted ? 1 : -1;
        show_bar(side);
        next_frame();
    }
    if (side == MINE)
        show_numbers();
}

void show_counts(void) {
    for (uint8_t side = MINE; side <= THEIRS; side++) {
        uint8_t column = name_columns[side] + 2, row = side == MINE ? 10 : 3;
        for (uint8_t index = 0; index != PARTY; index++) {
            uint8_t tile = EMPTY;
            if (index < sizes[side])
                tile = party(side)[index].hp ? BALL : BALL_EMPTY;
            put_tile(column++, row, tile);
        }
    }
    if (catching) {
        put_tile(3, 3, NET);
        put_number(4, 3, nets, 2, ' ');
    }
}

static void put_picture(uint8_t side, uint8_t first) {
    uint8_t tile = first;
    for (uint8_t row = 0; row != 4; row++)
        for (uint8_t column = 0; column != 4; column++)
            put_tile(picture_columns[side] + column, picture_rows[side] + row, first == EMPTY ? EMPTY : tile++);
}

void hide_fighter(uint8_t side) {
    put_picture(side, EMPTY);
}

void show_side(uint8_t side) {
    volatile struct creature *creature = fighter(side);
    uint8_t column = name_columns[side], row = name_rows[side];
    fill(column, row, 10, 1, EMPTY);
    put_text(column, row, species[creature->species].name);
    put_number(column + 8, row, creature->rank, 2, ' ');
    put_picture(side, species[creature->species].picture);
    fill(picture_columns[side] - 1, picture_rows[side] + 4, 6, 1, GROUND);
    shown[side] = bar_pixels(side);
    show_bar(side);
    if (side == MINE)
        show_numbers();
    show_counts();
}

void show_all(void) {
    fill(0, 0, SCREEN_COLUMNS, SCREEN_ROWS, EMPTY);
    put_frame(0, BOX_ROW, 20, 6);
    show_side(THEIRS);
    show_side(MINE);
}

void shake(uint8_t side) {
    for (uint8_t times = 0; times != 3; times++) {
        hide_fighter(side);
        wait_frames(4);
        put_picture(side, species[fighter(side)->species].picture);
        wait_frames(4);
    }
}

static void clear_box(void) {
    put_frame(0, BOX_ROW, 20, 6);
}

/* Two lines of words; they go by themselves, and A or B is quicker. */
void say(const char *first, const char *second) {
    clear_box();
    put_text(2, BOX_ROW + 1, first);
    put_text(2, BOX_ROW + 3, second);
    for (uint8_t left = WORD_FRAMES; left; left--) {
        next_frame();
        if (pressed & (BUTTON_A | BUTTON_B))
            return;
    }
}

void say_name(uint8_t side, const char *rest, const char *second) {
    char line[19];
    const char *from = species[fighter(side)->species].name;
    char *to = line;
    while (*from)
        *to++ = *from++;
    while (*rest)
        *to++ = *rest++;
    *to = 0;
    say(line, second);
}

/* Move the cursor over a list, a line a row. Returns the line chosen with A, BACK with B; ``look`` is called at each move. */
static uint8_t choose(uint8_t row, uint8_t count, void (*look)(void)) {
    for (;;) {
        for (uint8_t line = 0; line != count; line++)
            put_tile(LIST_COLUMN - 1, row + line, line == cursor ? '>' - ' ' : EMPTY);
        if (look)
            look();
        next_frame();
        if (pressed & BUTTON_A)
            return cursor;
        if (pressed & BUTTON_B)
            return BACK;
        if (pressed & BUTTON_DOWN)
            cursor = cursor + 1 == count ? 0 : cursor + 1;
        else if (pressed & BUTTON_UP)
            cursor = cursor ? cursor - 1 : count - 1;
    }
}

uint8_t choose_action(void) {
    uint8_t chosen;
    clear_box();
    menu = MENU_MAIN;
    cursor = 0;
    put_text(LIST_COLUMN, BOX_ROW + 1, "FIGHT");
    put_text(LIST_COLUMN, BOX_ROW + 2, "SWAP");
    if (catching)
        put_text(LIST_COLUMN, BOX_ROW + 3, "THROW");
    do
        chosen = choose(BOX_ROW + 1, catching ? 3 : 2, 0);
    while (chosen == BACK);
    menu = MENU_NONE;
    return chosen;
}

static void look_at_move(void) {
    volatile struct creature *creature = fighter(MINE);
    const struct move *move = &moves[species[creature->species].moves[cursor]];
    fill(12, BOX_ROW + 2, 6, 1, EMPTY);
    put_text(12, BOX_ROW + 2, type_names[move->type]);
    put_number(13, BOX_ROW + 4, creature->pp[cursor], 2, ' ');
    put_tile(15, BOX_ROW + 4, '/' - ' ');
    put_number(16, BOX_ROW + 4, move->pp, 2, ' ');
}

uint8_t choose_move(void) {
    const uint8_t *known = species[fighter(MINE)->species].moves;
    uint8_t chosen;
    clear_box();
    menu = MENU_MOVES;
    cursor = 0;
    for (uint8_t index = 0; index != 4; index++)
        put_text(LIST_COLUMN, BOX_ROW + 1 + index, moves[known[index]].name);
    put_text(12, BOX_ROW + 1, "TYPE");
    put_text(12, BOX_ROW + 3, "PP");
    chosen = choose(BOX_ROW + 1, 4, look_at_move);
    menu = MENU_NONE;
    return chosen;
}

uint8_t choose_creature(bool may_go_back) {
    uint8_t chosen;
    put_frame(0, BOX_ROW - 2, 20, 8);
    menu = MENU_SWAP;
    cursor = active[MINE];
    for (uint8_t index = 0; index != sizes[MINE]; index++) {
        volatile struct creature *creature = party(MINE) + index;
        uint8_t row = BOX_ROW - 1 + index;
        put_text(LIST_COLUMN, row, species[creature->species].name);
        put_number(11, row, creature->hp, 3, ' ');
        put_tile(14, row, '/' - ' ');
        put_number(15, row, creature->max_hp, 3, ' ');
    }
    do
        chosen = choose(BOX_ROW - 1, sizes[MINE], 0);
    while (chosen == BACK ? !may_go_back : !party(MINE)[chosen].hp);
    menu = MENU_NONE;
    show_all();
    return chosen;
}
