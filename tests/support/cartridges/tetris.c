/* A stand-in for Tetris: the same menus and the same addresses, and a game of button presses that lasts 600 frames. */

#include "runtime.h"

#define points ((volatile uint8_t *)0xC0A0) /* three bytes, two decimal digits each, the lowest first */
#define game_level BYTE_AT(0xFFA9)
#define game_state BYTE_AT(0xFFE1)

enum { PLAYING = 0, OVER = 4, TITLE = 7, TYPE_CHOICE = 14, LEVEL_CHOICE = 17, COPYRIGHT = 36 };

static void add(uint8_t hundreds, uint8_t ones) {
    uint8_t sums[3], carry = 0;
    sums[0] = ones;
    sums[1] = hundreds;
    sums[2] = 0;
    for (uint8_t place = 0; place != 3; place++) {
        uint8_t low = (points[place] & 15) + (sums[place] & 15) + carry;
        uint8_t high = (points[place] >> 4) + (sums[place] >> 4);
        carry = low > 9;
        if (carry)
            low -= 10;
        high += carry;
        carry = high > 9;
        if (carry)
            high -= 10;
        points[place] = (high << 4) | low;
    }
}

static void menu(uint8_t which) {
    game_state = which;
    do
        next_frame();
    while (!(pressed & BUTTON_START));
}

void main(void) {
    start_display(tiles, sizeof tiles);
    wait_frames(10);
    for (;;) {
        uint16_t left = 600;
        game_state = COPYRIGHT;
        wait_frames(30);
        menu(TITLE);
        menu(TYPE_CHOICE);
        menu(LEVEL_CHOICE);
        points[0] = points[1] = points[2] = game_level = 0;
        put_text(6, 8, "STAND-IN");
        game_state = PLAYING;
        while (left--) {
            next_frame();
            if (pressed & BUTTON_DOWN)
                add(0x00, 0x40);
            if (pressed & BUTTON_A) {
                add(0x12, 0x00);
                game_level++;
            }
        }
        game_state = OVER;
        wait_frames(60);
    }
}
