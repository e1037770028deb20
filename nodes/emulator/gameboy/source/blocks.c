/* Blocks: seven pieces fall into a well ten cells wide; full lines vanish, and it gets faster. */

#include "runtime.h"

#define GAME_BLOCKS 1

#define WIDTH 10
#define HEIGHT 18
#define LEFT_EDGE 1  /* of the well, in columns of the screen */
#define PANEL_EDGE 12
#define PIECES 7
#define LAST_LEVEL 20
#define TOP_SCORE 999999ul
#define TOP_LINES 9999u

#define SOFT_DROP_FRAMES 3   /* a row, while DOWN is held */
#define FIRST_SHIFT_FRAMES 16 /* before a held LEFT or RIGHT repeats */
#define NEXT_SHIFT_FRAMES 6
#define FLASHES 4
#define FLASH_FRAMES 6

/* The interface beyond what all games share. */
#define piece BYTE_AT(0xC010)
#define turn BYTE_AT(0xC011)
#define piece_x SIGNED_AT(0xC012)
#define piece_y SIGNED_AT(0xC013)
#define next_piece BYTE_AT(0xC014)
#define fall_frames BYTE_AT(0xC015)
#define lines WORD_AT(0xC016)
#define pieces WORD_AT(0xC018)
#define cleared BYTE_AT(0xC01A)
#define first_level BYTE_AT(0xC01B)
#define cells ((volatile uint8_t *)0xC040)

enum { PIECE_I, PIECE_O, PIECE_T, PIECE_S, PIECE_Z, PIECE_J, PIECE_L };

/* Column and row of each of four cells, in a box of four by four; by piece and quarter turns clockwise. */
static const uint8_t shapes[PIECES][4][4] = {
    {{0x01, 0x11, 0x21, 0x31}, {0x20, 0x21, 0x22, 0x23}, {0x02, 0x12, 0x22, 0x32}, {0x10, 0x11, 0x12, 0x13}},
    {{0x10, 0x20, 0x11, 0x21}, {0x10, 0x20, 0x11, 0x21}, {0x10, 0x20, 0x11, 0x21}, {0x10, 0x20, 0x11, 0x21}},
    {{0x10, 0x01, 0x11, 0x21}, {0x10, 0x11, 0x21, 0x12}, {0x01, 0x11, 0x21, 0x12}, {0x10, 0x01, 0x11, 0x12}},
    {{0x10, 0x20, 0x01, 0x11}, {0x10, 0x11, 0x21, 0x22}, {0x11, 0x21, 0x02, 0x12}, {0x00, 0x01, 0x11, 0x12}},
    {{0x00, 0x10, 0x11, 0x21}, {0x20, 0x11, 0x21, 0x12}, {0x01, 0x11, 0x12, 0x22}, {0x10, 0x01, 0x11, 0x02}},
    {{0x00, 0x01, 0x11, 0x21}, {0x10, 0x20, 0x11, 0x12}, {0x01, 0x11, 0x21, 0x22}, {0x10, 0x11, 0x02, 0x12}},
    {{0x20, 0x01, 0x11, 0x21}, {0x10, 0x11, 0x12, 0x22}, {0x01, 0x11, 0x21, 0x02}, {0x00, 0x10, 0x11, 0x12}},
};

/* Frames from row to row, by level. */
static const uint8_t speeds[LAST_LEVEL + 1] = {53, 49, 45, 41, 37, 33, 28, 22, 17, 11, 10,
                                               9,  8,  7,  6,  6,  5,  5,  4,  4,  3};

static const uint16_t line_points[5] = {0, 40, 100, 300, 1200};

static const uint8_t row_starts[HEIGHT] = {0,  10,  20,  30,  40,  50,  60,  70,  80,
                                           90, 100, 110, 120, 130, 140, 150, 160, 170};

/* Where a turned piece may go if it does not fit where it is. */
static const int8_t kicks[] = {0, 1, -1, 2, -2};

/* The title in tiles of two by two small squares, a bit each: top left, top right, bottom left, bottom right. */
#define LOGO_WIDTH 18
#define LOGO_HEIGHT 4
static const uint8_t logo[LOGO_HEIGHT][LOGO_WIDTH] = {
    {7, 3, 4, 5, 0, 0, 6, 3, 4, 6, 3, 4, 5, 8, 1, 6, 3, 1},
    {13, 12, 1, 5, 0, 0, 5, 0, 5, 5, 0, 0, 13, 1, 0, 9, 12, 0},
    {5, 0, 5, 5, 0, 0, 5, 0, 5, 5, 0, 4, 5, 9, 0, 0, 0, 5},
    {3, 3, 0, 3, 3, 1, 2, 3, 0, 2, 3, 0, 1, 0, 1, 3, 3, 0},
};

static uint8_t bag[PIECES];
static uint8_t bag_left;

/* The seven pieces come in random order, each once, then again: no run of bad luck lasts. */
static uint8_t draw_piece(void) {
    uint8_t index, drawn_piece;
    if (!bag_left)
        for (; bag_left != PIECES; bag_left++)
            bag[bag_left] = bag_left;
    index = random_below(bag_left);
    drawn_piece = bag[index];
    bag[index] = bag[--bag_left];
    return drawn_piece;
}

/* Say whether a piece may be there: inside the walls, above the floor, on empty cells. It may stick out at the top. */
static bool fits(uint8_t quarter_turns, int8_t x, int8_t y) {
    const uint8_t *cell = shapes[piece][quarter_turns];
    for (uint8_t left = 4; left; left--, cell++) {
        uint8_t column = (uint8_t)x + (*cell >> 4);
        int8_t row = y + (int8_t)(*cell & 0x0F);
        if (column >= WIDTH || row >= HEIGHT)
            return false;
        if (row >= 0 && cells[row_starts[row] + column])
            return false;
    }
    return true;
}

static void show_piece(void) {
    const uint8_t *cell = shapes[piece][turn];
    for (uint8_t index = 0; index != 4; index++, cell++) {
        uint8_t x = (uint8_t)(piece_x + LEFT_EDGE + (*cell >> 4)) << 3;
        uint8_t y = (uint8_t)(piece_y + (*cell & 0x0F)) << 3;
        put_sprite(index, x, y, BLOCK_I + piece);
    }
}

static void show_row(uint8_t row) {
    volatile uint8_t *from = cells + row_starts[row];
    uint8_t *to = &screen[row][LEFT_EDGE];
    for (uint8_t left = WIDTH; left; left--) {
        uint8_t cell = *from++;
        *to++ = cell ? BLOCK_I - 1 + cell : EMPTY;
    }
    changed[row] = 1;
}

static void show_well(void) {
    for (uint8_t row = 0; row != HEIGHT; row++)
        show_row(row);
}

static void put_piece(uint8_t kind, uint8_t quarter_turns, uint8_t column, uint8_t row) {
    const uint8_t *cell = shapes[kind][quarter_turns];
    for (uint8_t left = 4; left; left--, cell++)
        put_tile(column + (*cell >> 4), row + (*cell & 0x0F), BLOCK_I + kind);
}

static void show_next(void) {
    fill(PANEL_EDGE + 2, 13, 4, 2, EMPTY);
    put_piece(next_piece, 0, PANEL_EDGE + 2, 13);
}

static void show_counts(void) {
    put_number(PANEL_EDGE + 1, 2, score, 6, ' ');
    put_number(PANEL_EDGE + 1, 5, level, 6, ' ');
    put_number(PANEL_EDGE + 1, 8, lines, 6, ' ');
}

static void show_panel(void) {
    fill(0, 0, 1, HEIGHT, WALL);
    fill(LEFT_EDGE + WIDTH, 0, 1, HEIGHT, WALL);
    put_frame(PANEL_EDGE, 0, 8, 10);
    put_text(PANEL_EDGE + 1, 1, "SCORE");
    put_text(PANEL_EDGE + 1, 4, "LEVEL");
    put_text(PANEL_EDGE + 1, 7, "LINES");
    put_frame(PANEL_EDGE, 10, 8, 8);
    put_text(PANEL_EDGE + 2, 11, "NEXT");
    show_counts();
    show_next();
}

static void add_points(uint32_t points) {
    uint32_t sum = score + points;
    score = sum > TOP_SCORE ? TOP_SCORE : sum;
}

static void try_turn(uint8_t quarter_turns) {
    uint8_t wanted = (turn + quarter_turns) & 3;
    uint8_t count = piece == PIECE_I ? 5 : 3;
    for (uint8_t index = 0; index != count; index++) {
        int8_t x = piece_x + kicks[index];
        if (fits(wanted, x, piece_y)) {
            piece_x = x;
            turn = wanted;
            return;
        }
    }
}

static void try_shift(int8_t by) {
    int8_t x = piece_x + by;
    if (fits(turn, x, piece_y))
        piece_x = x;
}

/* Hide the well while the game is paused: a pause is no time to think. */
static void pause_game(void) {
    state = STATE_PAUSE;
    hide_sprites();
    fill(LEFT_EDGE, 0, WIDTH, HEIGHT, HATCH);
    put_frame(LEFT_EDGE + 1, 7, 8, 3);
    put_text(LEFT_EDGE + 2, 8, "PAUSE");
    do
        next_frame();
    while (!(pressed & BUTTON_START));
    show_well();
    state = STATE_PLAY;
}

/* Let the piece fall until it lies. Its rows dropped by hand at the end are points. */
static void fall(void) {
    uint8_t shift_frames = FIRST_SHIFT_FRAMES, drop_frames = 0, dropped = 0;
    bool dropping = false;
    fall_frames = speeds[level];
    for (;;) {
        bool down = false;
        show_piece();
        next_frame();
        if (pressed & BUTTON_START)
            pause_game();

        if (pressed & BUTTON_A)
            try_turn(1);
        else if (pressed & BUTTON_B)
            try_turn(3);

        if (pressed & (BUTTON_LEFT | BUTTON_RIGHT)) {
            shift_frames = FIRST_SHIFT_FRAMES;
            try_shift(pressed & BUTTON_LEFT ? -1 : 1);
        } else if (held & (BUTTON_LEFT | BUTTON_RIGHT) && !--shift_frames) {
            shift_frames = NEXT_SHIFT_FRAMES;
            try_shift(held & BUTTON_LEFT ? -1 : 1);
        }

        /* DOWN counts from when it is pressed: held since the piece before, it does not throw the next one away. */
        if (!(held & BUTTON_DOWN)) {
            dropping = false;
            dropped = 0;
        } else if (pressed & BUTTON_DOWN) {
            dropping = true;
            drop_frames = 1;
        }
        if (dropping && !--drop_frames) {
            drop_frames = SOFT_DROP_FRAMES;
            down = true;
        }
        if (!--fall_frames)
            down = true;
        if (!down)
            continue;

        fall_frames = speeds[level];
        if (!fits(turn, piece_x, piece_y + 1)) {
            add_points(dropped);
            return;
        }
        piece_y++;
        if (dropping)
            dropped++;
    }
}

/* Leave the piece's cells in the well; what sticks out at the top is lost. */
static void lock_piece(void) {
    const uint8_t *cell = shapes[piece][turn];
    for (uint8_t left = 4; left; left--, cell++) {
        int8_t row = piece_y + (int8_t)(*cell & 0x0F);
        if (row >= 0) {
            cells[row_starts[row] + (uint8_t)(piece_x + (*cell >> 4))] = piece + 1;
            show_row(row);
        }
    }
    hide_sprites();
}

static bool is_full(uint8_t row) {
    volatile uint8_t *cell = cells + row_starts[row];
    for (uint8_t left = WIDTH; left; left--)
        if (!*cell++)
            return false;
    return true;
}

static void flash(const uint8_t *rows, uint8_t count) {
    for (uint8_t times = 0; times != FLASHES; times++) {
        for (uint8_t index = 0; index != count; index++)
            if (times & 1)
                show_row(rows[index]);
            else
                fill(LEFT_EDGE, rows[index], WIDTH, 1, FLASH);
        wait_frames(FLASH_FRAMES);
    }
}

static void copy_row(uint8_t from, uint8_t to) {
    volatile uint8_t *source = cells + row_starts[from];
    volatile uint8_t *target = cells + row_starts[to];
    for (uint8_t left = WIDTH; left; left--)
        *target++ = *source++;
}

/* Take out the full rows; what is above sinks, a row a frame. */
static void remove_rows(const uint8_t *rows, uint8_t count) {
    for (uint8_t index = 0; index != count; index++) {
        uint8_t row = rows[index];
        for (; row; row--)
            copy_row(row - 1, row);
        for (uint8_t column = 0; column != WIDTH; column++)
            cells[column] = 0;
        show_well();
        next_frame();
    }
}

static void clear_lines(void) {
    uint8_t rows[4], count = 0;
    uint32_t points = 0;
    for (int8_t row = piece_y; row != piece_y + 4; row++)
        if (row >= 0 && row < HEIGHT && is_full(row))
            rows[count++] = row;
    cleared = count;
    if (!count)
        return;

    for (uint8_t left = level + 1; left; left--)
        points += line_points[count];
    add_points(points);
    lines = lines + count > TOP_LINES ? TOP_LINES : lines + count;
    while (level < LAST_LEVEL && lines >= (uint16_t)(level + 1) * 10)
        level++;
    show_counts();
    flash(rows, count);
    remove_rows(rows, count);
}

static void show_level_choice(void) {
    put_tile(12, 10, '<' - ' ');
    put_number(13, 10, first_level, 1, ' ');
    put_tile(14, 10, '>' - ' ');
}

static void title_screen(void) {
    uint8_t blink = 0;
    hide_sprites();
    fill(0, 0, SCREEN_COLUMNS, SCREEN_ROWS, EMPTY);
    fill(0, 0, SCREEN_COLUMNS, 1, WALL);
    fill(0, 17, SCREEN_COLUMNS, 1, WALL);
    put_logo(1, 4, LOGO_WIDTH, LOGO_HEIGHT, logo[0]);
    put_piece(PIECE_J, 0, 0, 15);
    put_piece(PIECE_O, 0, 2, 15);
    put_piece(PIECE_I, 1, 3, 13);
    put_piece(PIECE_T, 0, 13, 15);
    put_piece(PIECE_Z, 1, 15, 14);
    put_piece(PIECE_L, 3, 18, 14);
    put_text(5, 10, "LEVEL");
    show_level_choice();
    state = STATE_TITLE;
    do {
        if ((blink & 0x1F) == 0) {
            if (blink & 0x20)
                fill(5, 12, 11, 1, EMPTY);
            else
                put_text(5, 12, "PRESS START");
        }
        blink++;
        next_frame();
        if (pressed & BUTTON_RIGHT && first_level < 9)
            first_level++;
        if (pressed & BUTTON_LEFT && first_level > 0)
            first_level--;
        if (pressed & (BUTTON_LEFT | BUTTON_RIGHT))
            show_level_choice();
    } while (!(pressed & BUTTON_START));
}

static void begin(void) {
    start_random();
    score = 0;
    level = first_level;
    lines = 0;
    pieces = 0;
    cleared = 0;
    ended = NOT_ENDED;
    bag_left = 0;
    for (uint8_t index = 0; index != WIDTH * HEIGHT; index++)
        cells[index] = 0;
    next_piece = draw_piece();
    show_well();
    show_panel();
    wait_frames(SCREEN_ROWS / 2); /* until all of it is on the screen */
}

static void play(void) {
    for (;;) {
        piece = next_piece;
        next_piece = draw_piece();
        turn = 0;
        piece_x = 3;
        piece_y = piece == PIECE_I ? -1 : 0;
        show_next();
        if (!fits(turn, piece_x, piece_y))
            return;
        state = STATE_PLAY;
        pieces++;
        fall();
        lock_piece();
        show_counts();
        clear_lines();
    }
}

static void game_over(void) {
    uint8_t row = HEIGHT;
    ended = ENDED_LOST;
    state = STATE_OVER;
    show_piece();
    wait_frames(30);
    hide_sprites();
    while (row--) {
        fill(LEFT_EDGE, row, WIDTH, 1, HATCH);
        wait_frames(2);
    }
    put_frame(LEFT_EDGE + 1, 5, 8, 5);
    put_text(LEFT_EDGE + 3, 6, "GAME");
    put_text(LEFT_EDGE + 3, 8, "OVER");
    do
        next_frame();
    while (!(pressed & (BUTTON_START | BUTTON_A)));
}

void main(void) {
    start_display(tiles, sizeof tiles);
    game = GAME_BLOCKS;
    for (;;) {
        title_screen();
        begin();
        play();
        game_over();
    }
}
