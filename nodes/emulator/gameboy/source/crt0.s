; Start-up code, interrupt vectors and the vertical-blank handler of our Game Boy programs.
; The library's own start-up code is not used: its vertical-blank vector does nothing and it leaves memory as it was.

	.module	crt0
	.globl	_main
	.globl	_copies
	.globl	_copies_left
	.globl	_drawn
	.globl	_newly_pressed

held	= 0xC007	; the interface's buttons
frame	= 0xC002	; the interface's frame counter, low byte first
sprites	= 0xC1		; the page that the sprites are copied from
dma	= 0xFF80	; where the copying routine runs: nothing but high memory can be read meanwhile

	.area	_HEADER (ABS)
	.org	0x40		; vertical blank; no other interrupt is ever enabled
	jp	on_blank
	.org	0x100
	nop
	jp	start

	.org	0x150
start:
	di
	ld	sp, #0xE000
1$:	ldh	a, (0x44)	; the display may be switched off inside the blank only
	cp	#144
	jr	nz, 1$
	xor	a
	ldh	(0x40), a

	ld	hl, #0xC000	; all work memory starts as zeros, so that every run is alike
	ld	bc, #0x2000
2$:	xor	a
	ld	(hl+), a
	dec	bc
	ld	a, b
	or	c
	jr	nz, 2$

	ld	hl, #0x8000	; and so does video memory
	ld	bc, #0x2000
3$:	xor	a
	ld	(hl+), a
	dec	bc
	ld	a, b
	or	c
	jr	nz, 3$

	ld	hl, #0xFF80	; and high memory
4$:	xor	a
	ld	(hl+), a
	ld	a, l
	cp	#0xFF
	jr	nz, 4$

	ld	hl, #0xFE00	; and the sprites
5$:	xor	a
	ld	(hl+), a
	ld	a, l
	cp	#0xA0
	jr	nz, 5$

	ld	hl, #dma_routine
	ld	de, #dma
	ld	b, #(dma_end - dma_routine)
6$:	ld	a, (hl+)
	ld	(de), a
	inc	de
	dec	b
	jr	nz, 6$

	call	_main
7$:	halt
	nop
	jr	7$

dma_routine:
	ld	a, #sprites
	ldh	(0x46), a
	ld	a, #40
8$:	dec	a
	jr	nz, 8$
	ret
dma_end:

	.area	_CODE		; the order of these is that in memory: the library's _HOME is read-only, too
	.area	_HOME
	.area	_DATA
	.area	_CODE

; The only place where video memory is written while the display is on. It fits into the blank: 170 cycles for the sprites
; and 160 for each of at most four rows, of 1,140. What the program has not finished drawing is left for the next blank. The
; buttons are read here, too, at each frame: a press is not lost while the program is busy.
on_blank:
	push	af
	push	bc
	push	de
	push	hl
	ld	a, (_drawn)
	or	a
	jr	z, 3$
	call	dma
	ld	hl, #_copies
1$:	ld	a, (_copies_left)
	or	a
	jr	z, 2$
	dec	a
	ld	(_copies_left), a
	ld	a, (hl+)
	ld	e, a
	ld	a, (hl+)
	ld	d, a
	ld	a, (hl+)
	ld	c, a
	ld	a, (hl+)
	ld	b, a
	push	hl
	ld	h, b
	ld	l, c
	.rept	20
	ld	a, (de)
	ld	(hl+), a
	inc	de
	.endm
	pop	hl
	jr	1$
2$:	xor	a
	ld	(_drawn), a

3$:	ld	a, #0x20	; each half is read several times, as the lines of the buttons need a moment to settle
	ldh	(0x00), a
	ldh	a, (0x00)
	ldh	a, (0x00)
	cpl
	and	#0x0F
	swap	a
	ld	b, a
	ld	a, #0x10
	ldh	(0x00), a
	ldh	a, (0x00)
	ldh	a, (0x00)
	ldh	a, (0x00)
	ldh	a, (0x00)
	cpl
	and	#0x0F
	or	b
	ld	b, a
	ld	a, #0x30
	ldh	(0x00), a
	ld	hl, #held
	ld	a, (hl)
	ld	(hl), b
	cpl
	and	b
	ld	hl, #_newly_pressed
	or	(hl)
	ld	(hl), a

	ld	hl, #frame
	inc	(hl)
	jr	nz, 4$
	inc	hl
	inc	(hl)
4$:	pop	hl
	pop	de
	pop	bc
	pop	af
	reti
