#include "runtime.h"

#define IO_AT(address) (*(volatile uint8_t *)(address))
#define INTERRUPT_FLAGS IO_AT(0xFF0F)
#define SOUND IO_AT(0xFF26)
#define DISPLAY IO_AT(0xFF40)
#define SCROLL_Y IO_AT(0xFF42)
#define SCROLL_X IO_AT(0xFF43)
#define BACKGROUND_PALETTE IO_AT(0xFF47)
#define SPRITE_PALETTE IO_AT(0xFF48)
#define INTERRUPT_ENABLE IO_AT(0xFFFF)

#define TILES ((volatile uint8_t *)0x8000)
#define SPRITE_TABLE ((volatile uint8_t *)0xC100)
#define MAP 0x9800u
#define COPIES 4

/* A row on its way to video memory, as the vertical blank expects it: from, to. */
struct copy {
    const uint8_t *from;
    uint16_t to;
};

struct copy copies[COPIES];
volatile uint8_t copies_left;
volatile uint8_t drawn;
volatile uint8_t newly_pressed;

uint8_t pressed;
uint8_t screen[SCREEN_ROWS][SCREEN_COLUMNS];
uint8_t changed[SCREEN_ROWS];

static uint8_t next_row;

static const uint32_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};

void start_display(const uint8_t *tiles, uint16_t size) {
    volatile uint8_t *to = TILES;
    while (size--)
        *to++ = *tiles++;
    SOUND = 0;
    SCROLL_X = SCROLL_Y = 0;
    BACKGROUND_PALETTE = SPRITE_PALETTE = 0xE4; /* 0 is the lightest, 3 the darkest */
    INTERRUPT_FLAGS = 0;
    INTERRUPT_ENABLE = 1;
    DISPLAY = 0x93; /* on, tiles at 0x8000, map at 0x9800, sprites and background */
    __asm__("ei"); /* from now on each blank is handled when it begins, never late */
}

/* Queue the rows that changed, at most so many as fit into one blank, going round so that none waits for ever. */
static void queue_rows(void) {
    uint8_t count = 0;
    for (uint8_t seen = 0; seen != SCREEN_ROWS && count != COPIES; seen++) {
        uint8_t row = next_row;
        if (changed[row]) {
            changed[row] = 0;
            copies[count].from = screen[row];
            copies[count].to = MAP + ((uint16_t)row << 5);
            count++;
        }
        next_row = row == SCREEN_ROWS - 1 ? 0 : row + 1;
    }
    copies_left = count;
}

void next_frame(void) {
    queue_rows();
    drawn = 1;
    /* A blank just before the halt would cost one more frame and nothing else; the usual ei before it trips PyBoy. */
    while (drawn)
        __asm__("halt\nnop");
    pressed = newly_pressed;
    newly_pressed = 0;
}

void wait_frames(uint8_t count) {
    while (count--)
        next_frame();
}

void put_tile(uint8_t column, uint8_t row, uint8_t tile) {
    screen[row][column] = tile;
    changed[row] = 1;
}

void put_text(uint8_t column, uint8_t row, const char *text) {
    while (*text)
        put_tile(column++, row, *text++ - ' ');
}

void fill(uint8_t column, uint8_t row, uint8_t width, uint8_t height, uint8_t tile) {
    while (height--) {
        uint8_t *to = &screen[row][column];
        for (uint8_t left = width; left; left--)
            *to++ = tile;
        changed[row++] = 1;
    }
}

void put_number(uint8_t column, uint8_t row, uint32_t number, uint8_t digits, char pad) {
    bool begun = false;
    while (digits--) {
        uint32_t power = powers[digits];
        char digit = '0';
        while (number >= power) {
            number -= power;
            digit++;
        }
        if (digit != '0' || digits == 0)
            begun = true;
        put_tile(column++, row, (begun ? digit : pad) - ' ');
    }
}

void put_frame(uint8_t column, uint8_t row, uint8_t width, uint8_t height) {
    uint8_t right = column + width - 1, bottom = row + height - 1;
    fill(column, row, width, height, EMPTY);
    fill(column, row, width, 1, FRAME_TOP);
    fill(column, bottom, width, 1, FRAME_BOTTOM);
    fill(column, row, 1, height, FRAME_LEFT);
    fill(right, row, 1, height, FRAME_RIGHT);
    put_tile(column, row, FRAME_TOP_LEFT);
    put_tile(right, row, FRAME_TOP_RIGHT);
    put_tile(column, bottom, FRAME_BOTTOM_LEFT);
    put_tile(right, bottom, FRAME_BOTTOM_RIGHT);
}

void put_logo(uint8_t column, uint8_t row, uint8_t width, uint8_t height, const uint8_t *squares) {
    for (; height; height--, row++)
        for (uint8_t place = 0; place != width; place++)
            put_tile(column + place, row, LOGO_0 + *squares++);
}

void put_sprite(uint8_t index, uint8_t x, uint8_t y, uint8_t tile) {
    volatile uint8_t *entry = SPRITE_TABLE + (index << 2);
    entry[0] = y + 16;
    entry[1] = x + 8;
    entry[2] = tile;
}

void hide_sprites(void) {
    volatile uint8_t *entry = SPRITE_TABLE;
    for (uint8_t left = SPRITES; left; left--) {
        entry[0] = 0;
        entry += 4;
    }
}

/* Bob Jenkins' small generator with bytes for words: four bytes of state, and nothing that an 8-bit machine is slow at. */
uint8_t random_byte(void) {
    uint8_t b = chance[1], c = chance[2], d = chance[3];
    uint8_t e = chance[0] - (uint8_t)((b << 1) | (b >> 7));
    chance[0] = b ^ (uint8_t)((c << 4) | (c >> 4));
    chance[1] = c + d;
    chance[2] = d + e;
    chance[3] = e + chance[0];
    return chance[3];
}

void start_random(void) {
    uint16_t from = seed ? seed : frames;
    chance[0] = 0xF1;
    chance[1] = (uint8_t)from;
    chance[2] = (uint8_t)(from >> 8);
    chance[3] = (uint8_t)from;
    for (uint8_t left = 20; left; left--)
        random_byte();
}

uint8_t random_below(uint8_t count) {
    uint8_t mask = 1, number;
    while (mask < count)
        mask <<= 1;
    mask--;
    do
        number = random_byte() & mask;
    while (number >= count);
    return number;
}
