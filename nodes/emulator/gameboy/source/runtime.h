/* What all our games share: the interface in work memory, the frame clock, the buttons, the screen and chance. */
#ifndef RUNTIME_H
#define RUNTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "tiles.h"

/* The interface that stands in README.md beside: fixed addresses, read and written from outside. */
#define BYTE_AT(address) (*(volatile uint8_t *)(address))
#define SIGNED_AT(address) (*(volatile int8_t *)(address))
#define WORD_AT(address) (*(volatile uint16_t *)(address))
#define LONG_AT(address) (*(volatile uint32_t *)(address))

#define state BYTE_AT(0xC000)
#define game BYTE_AT(0xC001)
#define frames WORD_AT(0xC002)
#define seed WORD_AT(0xC004)
#define ended BYTE_AT(0xC006)
#define held BYTE_AT(0xC007)
#define score LONG_AT(0xC008)
#define level BYTE_AT(0xC00C)
#define chance ((volatile uint8_t *)0xC01C)

enum { STATE_BOOT, STATE_TITLE, STATE_PLAY, STATE_PAUSE, STATE_OVER };
enum { NOT_ENDED, ENDED_LOST, ENDED_WON };

enum {
    BUTTON_A = 0x01,
    BUTTON_B = 0x02,
    BUTTON_SELECT = 0x04,
    BUTTON_START = 0x08,
    BUTTON_RIGHT = 0x10,
    BUTTON_LEFT = 0x20,
    BUTTON_UP = 0x40,
    BUTTON_DOWN = 0x80
};

#define SCREEN_COLUMNS 20
#define SCREEN_ROWS 18
#define SPRITES 40

/* The buttons that went down since the frame before. */
extern uint8_t pressed;

/* The tiles of the screen, row by row. Whoever changes a row marks it, and it is shown within a few frames. */
extern uint8_t screen[SCREEN_ROWS][SCREEN_COLUMNS];
extern uint8_t changed[SCREEN_ROWS];

/* Load the tiles and switch the display on, for good: it is never switched off again. */
void start_display(const uint8_t *tiles, uint16_t size);

/* Show what was drawn, and sleep until the next frame. */
void next_frame(void);
void wait_frames(uint8_t count);

void put_tile(uint8_t column, uint8_t row, uint8_t tile);
void put_text(uint8_t column, uint8_t row, const char *text);
void fill(uint8_t column, uint8_t row, uint8_t width, uint8_t height, uint8_t tile);

/* Draw a frame, and empty what is inside. */
void put_frame(uint8_t column, uint8_t row, uint8_t width, uint8_t height);

/* Draw a title made of two by two small squares a tile, a bit each. */
void put_logo(uint8_t column, uint8_t row, uint8_t width, uint8_t height, const uint8_t *squares);

/* Write a number right-aligned over so many digits, padded with the tile of a blank or of '0'. */
void put_number(uint8_t column, uint8_t row, uint32_t number, uint8_t digits, char pad);

/* Place a sprite at a pixel of the screen; a sprite outside is not seen. */
void put_sprite(uint8_t index, uint8_t x, uint8_t y, uint8_t tile);
void hide_sprites(void);

/* Begin the random sequence of the interface's seed, or of the frame counter where the seed is 0. */
void start_random(void);
uint8_t random_byte(void);

/* A number from 0 to count - 1, all equally likely; count is at most 128. */
uint8_t random_below(uint8_t count);

#endif
