/* The convolutional part of the IMPALA network and its gradient, on one thread, for networks of few channels.

   All planes are stored as (channel, row, column, sample): the samples of a batch are innermost, and fill vectors however few
   channels there are. A single sample is computed with columns in vectors instead (batch 1), without a gradient. The order of
   all sums is fixed. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LANES 8
#define MOST_SEQUENCES 8
#define BLOCKS 2
#define INLINE static inline __attribute__((always_inline))

typedef float floats __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

/* Channels, height and width without the border; the border is 0 everywhere. */
typedef struct {
    float *data;
    int channels, height, width, border;
} Planes;

typedef struct {
    Planes input;                 /* of the first convolution */
    Planes convolved;             /* its output */
    Planes pooled;                /* after the pooling, and after each block */
    int32_t *chosen;              /* the place of each maximum in its window, 0 to 8 */
    Planes before[BLOCKS];        /* the inputs of a block's two convolutions, after ReLU */
    Planes between[BLOCKS];
    const float *weights[1 + 2 * BLOCKS];
    const float *biases[1 + 2 * BLOCKS];
    ptrdiff_t offsets[1 + 2 * BLOCKS]; /* of the weights; the biases follow them */
    int stride;
} Sequence;

typedef struct {
    int count, batch;
    Sequence sequences[MOST_SEQUENCES];
    Planes output;
    size_t used;
} Network;

INLINE float *at(const Planes *planes, int channel, int row, int column, int batch) {
    int height = planes->height + 2 * planes->border, width = planes->width + 2 * planes->border;
    ptrdiff_t place = ((ptrdiff_t)channel * height + row + planes->border) * width + column + planes->border;
    return planes->data + place * batch;
}

static size_t size_of(const Planes *planes, int batch) {
    size_t height = planes->height + 2 * planes->border, width = planes->width + 2 * planes->border;
    return planes->channels * height * width * batch;
}

static Planes allocated(float *memory, size_t *used, int channels, int height, int width, int border, int batch) {
    Planes planes = {memory ? memory + *used : NULL, channels, height, width, border};
    *used += size_of(&planes, batch);
    return planes;
}

static void clear_border(const Planes *planes, int batch) {
    int border = planes->border, width = planes->width + 2 * border;
    for (int channel = 0; channel < planes->channels; channel++)
        for (int row = -border; row < planes->height + border; row++) {
            float *first = at(planes, channel, row, -border, batch);
            if (row < 0 || row >= planes->height) {
                memset(first, 0, sizeof(float) * width * batch);
            } else {
                memset(first, 0, sizeof(float) * border * batch);
                memset(at(planes, channel, row, planes->width, batch), 0, sizeof(float) * border * batch);
            }
        }
}

/* Adds up OUT channels and COUNT vectors of a convolution. Vectors are `step` floats apart, the taps of a row `tap`. Of the last
   vector `kept` floats are written. */
INLINE void convolve_block(const int OUT, const int COUNT, const Planes *in, const Planes *out, const float *weights,
                           const float *biases, int channel, int row, int column, int sample, int shift, int batch,
                           int step, int tap, int kept, int adds) {
    floats sums[4][8];
#pragma GCC unroll 8
    for (int o = 0; o < OUT; o++)
#pragma GCC unroll 8
        for (int c = 0; c < COUNT; c++) sums[o][c] = (floats){0} + (biases ? biases[channel + o] : 0.0f);
    for (int i = 0; i < in->channels; i++)
        for (int y = 0; y < 3; y++) {
            const float *source = at(in, i, row + y + shift, column + shift, batch) + sample;
            const float *weight = weights + ((ptrdiff_t)channel * in->channels + i) * 9 + 3 * y;
#pragma GCC unroll 3
            for (int x = 0; x < 3; x++) {
#pragma GCC unroll 8
                for (int o = 0; o < OUT; o++) {
                    float factor = weight[(ptrdiff_t)o * in->channels * 9 + x];
#pragma GCC unroll 8
                    for (int c = 0; c < COUNT; c++)
                        sums[o][c] += factor * *(const floats *)(source + (ptrdiff_t)c * step + (ptrdiff_t)x * tap);
                }
            }
        }
#pragma GCC unroll 8
    for (int o = 0; o < OUT; o++)
#pragma GCC unroll 8
        for (int c = 0; c < COUNT; c++) {
            float *target = at(out, channel + o, row, column, batch) + sample + (ptrdiff_t)c * step;
            floats sum = sums[o][c];
            if (adds) sum += *(const floats *)target;
            if (kept == LANES || c < COUNT - 1) {
                *(floats *)target = sum;
            } else {
                float lanes[LANES];
                memcpy(lanes, &sum, sizeof lanes);
                for (int lane = 0; lane < kept; lane++) target[lane] = lanes[lane];
            }
        }
}

INLINE void convolve_channels(const int OUT, const int COUNT, const Planes *in, const Planes *out, const float *weights,
                              const float *biases, int channel, int shift, int batch, int adds) {
    for (int row = 0; row < out->height; row++) {
        int column = 0;
        for (; column + COUNT <= out->width; column += COUNT)
            for (int sample = 0; sample < batch; sample += LANES)
                convolve_block(OUT, COUNT, in, out, weights, biases, channel, row, column, sample, shift, batch, batch, batch,
                               LANES, adds);
        for (; column < out->width; column++)
            for (int sample = 0; sample < batch; sample += LANES)
                convolve_block(OUT, 1, in, out, weights, biases, channel, row, column, sample, shift, batch, batch, batch,
                               LANES, adds);
    }
}

/* One sample. Vectors may read beyond the end of a row, never beyond the memory: it is sized for LANES samples. */
INLINE void convolve_rows(const int OUT, const int COUNT, const Planes *in, const Planes *out, const float *weights,
                          const float *biases, int channel, int shift, int adds) {
    for (int row = 0; row < out->height; row++) {
        int column = 0;
        for (; column + COUNT * LANES <= out->width; column += COUNT * LANES)
            convolve_block(OUT, COUNT, in, out, weights, biases, channel, row, column, 0, shift, 1, LANES, 1, LANES, adds);
        for (; column + LANES <= out->width; column += LANES)
            convolve_block(OUT, 1, in, out, weights, biases, channel, row, column, 0, shift, 1, LANES, 1, LANES, adds);
        if (column < out->width)
            convolve_block(OUT, 1, in, out, weights, biases, channel, row, column, 0, shift, 1, LANES, 1,
                           out->width - column, adds);
    }
}

/* out[o][y][x] (+)= bias[o] + sum of weights[o][i][a][b] * in[i][y + a + shift][x + b + shift] */
static void convolve(const Planes *in, const Planes *out, const float *weights, const float *biases, int shift, int batch,
                     int adds) {
    int channel = 0;
    if (batch == 1) {
        for (; channel + 4 <= out->channels; channel += 4)
            convolve_rows(4, 2, in, out, weights, biases, channel, shift, adds);
        for (; channel + 2 <= out->channels; channel += 2)
            convolve_rows(2, 4, in, out, weights, biases, channel, shift, adds);
        for (; channel < out->channels; channel++) convolve_rows(1, 5, in, out, weights, biases, channel, shift, adds);
        return;
    }
    for (; channel + 4 <= out->channels; channel += 4)
        convolve_channels(4, 3, in, out, weights, biases, channel, shift, batch, adds);
    for (; channel + 2 <= out->channels; channel += 2)
        convolve_channels(2, 4, in, out, weights, biases, channel, shift, batch, adds);
    for (; channel < out->channels; channel++)
        convolve_channels(1, 8, in, out, weights, biases, channel, shift, batch, adds);
}

/* Computes the gradient of OUT channels' weights of one input channel and TAPS places of the window from `tap` on. */
INLINE void gradient_block(const int OUT, const int TAPS, const Planes *in, const Planes *change, float *weights, int channel,
                           int i, int tap, int shift, int batch) {
    floats totals[4][9] = {{{0}}};
    for (int row = 0; row < change->height; row++) {
        floats sums[4][9];
#pragma GCC unroll 9
        for (int o = 0; o < OUT; o++)
#pragma GCC unroll 9
            for (int t = 0; t < TAPS; t++) sums[o][t] = (floats){0};
        ptrdiff_t line = (ptrdiff_t)(in->width + 2 * in->border) * batch;
        const float *source = at(in, i, row + tap / 3 + shift, shift, batch);
        const float *changes[4];
#pragma GCC unroll 9
        for (int o = 0; o < OUT; o++) changes[o] = at(change, channel + o, row, 0, batch);
        for (ptrdiff_t place = 0; place < (ptrdiff_t)change->width * batch; place += LANES) {
            floats value[9];
#pragma GCC unroll 9
            for (int t = 0; t < TAPS; t++)
                value[t] = *(const floats *)(source + place + (t / 3) * line + (ptrdiff_t)(t % 3) * batch);
#pragma GCC unroll 9
            for (int o = 0; o < OUT; o++) {
                floats by = *(const floats *)(changes[o] + place);
#pragma GCC unroll 9
                for (int t = 0; t < TAPS; t++) sums[o][t] += by * value[t];
            }
        }
#pragma GCC unroll 9
        for (int o = 0; o < OUT; o++)
#pragma GCC unroll 9
            for (int t = 0; t < TAPS; t++) totals[o][t] += sums[o][t];
    }
    for (int o = 0; o < OUT; o++)
        for (int t = 0; t < TAPS; t++) {
            float sum = 0;
            for (int lane = 0; lane < LANES; lane++) sum += totals[o][t][lane];
            weights[((ptrdiff_t)(channel + o) * in->channels + i) * 9 + tap + t] = sum;
        }
}

static void weights_gradient(const Planes *in, const Planes *change, float *weights, float *biases, int shift, int batch) {
    for (int i = 0; i < in->channels; i++) {
        int channel = 0;
        for (; channel + 4 <= change->channels; channel += 4)
            for (int tap = 0; tap < 9; tap += 3) gradient_block(4, 3, in, change, weights, channel, i, tap, shift, batch);
        for (; channel < change->channels; channel++)
            gradient_block(1, 9, in, change, weights, channel, i, 0, shift, batch);
    }
    for (int channel = 0; channel < change->channels; channel++) {
        floats total = {0};
        for (int row = 0; row < change->height; row++) {
            const float *first = at(change, channel, row, 0, batch);
            floats sum = {0};
            for (ptrdiff_t place = 0; place < (ptrdiff_t)change->width * batch; place += LANES)
                sum += *(const floats *)(first + place);
            total += sum;
        }
        biases[channel] = 0;
        for (int lane = 0; lane < LANES; lane++) biases[channel] += total[lane];
    }
}

/* Exchanges the channels of weights, and turns their windows by half: the convolution of the gradient. */
static void reverse(const float *weights, float *reversed, int out, int in) {
    for (int o = 0; o < out; o++)
        for (int i = 0; i < in; i++)
            for (int t = 0; t < 9; t++) reversed[((ptrdiff_t)i * out + o) * 9 + 8 - t] = weights[((ptrdiff_t)o * in + i) * 9 + t];
}

INLINE float larger(float one, float other) { return one > other ? one : other; }

/* One sample. Overwrites rows of the input with the maxima of three rows. */
INLINE void pool_rows(const int STRIDE, const Planes *in, const Planes *out) {
    for (int channel = 0; channel < out->channels; channel++)
        for (int row = 0; row < out->height; row++) {
            float *first = at(in, channel, row * STRIDE, 0, 1);
            const float *second = first + in->width, *third = second + in->width;
            for (int column = 0; column < in->width; column++)
                first[column] = larger(first[column], larger(second[column], third[column]));
            float *target = at(out, channel, row, 0, 1);
            for (int column = 0; column < out->width; column++) {
                const float *window = first + (ptrdiff_t)column * STRIDE;
                target[column] = larger(window[0], larger(window[1], window[2]));
            }
        }
}

static void pool(const Planes *in, const Planes *out, int32_t *chosen, int stride, int batch) {
    if (batch == 1) {
        if (stride == 1) pool_rows(1, in, out);
        else pool_rows(2, in, out);
        return;
    }
    for (int channel = 0; channel < out->channels; channel++)
        for (int row = 0; row < out->height; row++)
            for (int column = 0; column < out->width; column++)
                for (int sample = 0; sample < batch; sample += LANES) {
                    const float *first = at(in, channel, row * stride, column * stride, batch) + sample;
                    floats best = *(const floats *)first;
                    ints which = {0};
                    for (int t = 1; t < 9; t++) {
                        floats value = *(const floats *)(first + ((ptrdiff_t)(t / 3) * in->width + t % 3) * batch);
                        ints larger = value > best;
                        best = (floats)(((ints)value & larger) | ((ints)best & ~larger));
                        which = (t & larger) | (which & ~larger);
                    }
                    float *target = at(out, channel, row, column, batch) + sample;
                    *(floats *)target = best;
                    *(ints *)(chosen + (target - out->data)) = which;
                }
}

static void pool_gradient(const Planes *change, const int32_t *chosen, const Planes *in, int stride, int batch) {
    memset(in->data, 0, sizeof(float) * size_of(in, batch));
    ptrdiff_t line = in->width + 2 * in->border, place = 0;
    for (int channel = 0; channel < change->channels; channel++)
        for (int row = 0; row < change->height; row++)
            for (int column = 0; column < change->width; column++)
                for (int sample = 0; sample < batch; sample += LANES, place += LANES) {
                    float *first = at(in, channel, row * stride, column * stride, batch) + sample;
                    floats by = *(const floats *)(at(change, channel, row, column, batch) + sample);
                    ints which = *(const ints *)(chosen + place);
                    for (int t = 0; t < 9; t++) {
                        floats *target = (floats *)(first + ((t / 3) * line + t % 3) * batch);
                        *target += (floats)((ints)by & (which == t));
                    }
                }
}

static void rectify(const Planes *in, const Planes *out, int batch) {
    for (int channel = 0; channel < in->channels; channel++)
        for (int row = 0; row < in->height; row++) {
            const float *source = at(in, channel, row, 0, batch);
            float *target = at(out, channel, row, 0, batch);
            for (ptrdiff_t place = 0; place < (ptrdiff_t)in->width * batch; place++)
                target[place] = source[place] > 0 ? source[place] : 0;
        }
}

/* Leaves a gradient where the value after ReLU is positive; elsewhere it is 0. */
static void rectify_gradient(const Planes *change, const Planes *value, int batch) {
    for (int channel = 0; channel < change->channels; channel++)
        for (int row = 0; row < change->height; row++) {
            float *target = at(change, channel, row, 0, batch);
            const float *source = at(value, channel, row, 0, batch);
            for (ptrdiff_t place = 0; place < (ptrdiff_t)change->width * batch; place++)
                target[place] = source[place] > 0 ? target[place] : 0;
        }
}

static void add_to(const Planes *from, const Planes *to, int batch) {
    for (int channel = 0; channel < to->channels; channel++)
        for (int row = 0; row < to->height; row++) {
            const float *source = at(from, channel, row, 0, batch);
            float *target = at(to, channel, row, 0, batch);
            for (ptrdiff_t place = 0; place < (ptrdiff_t)to->width * batch; place++) target[place] += source[place];
        }
}

/* shape: sequences, channels, height, width of a frame; then channels and stride of each sequence. */
static Network laid_out(const int *shape, const float *parameters, float *memory, int batch) {
    Network network = {.count = shape[0], .batch = batch};
    int channels = shape[1], height = shape[2], width = shape[3];
    ptrdiff_t offset = 0;
    network.output = allocated(memory, &network.used, channels, height, width, 0, batch);
    for (int number = 0; number < network.count; number++) {
        Sequence *s = &network.sequences[number];
        int later = shape[4 + 2 * number];
        s->stride = shape[5 + 2 * number];
        s->input = network.output;
        s->convolved = allocated(memory, &network.used, later, height - 2, width - 2, 0, batch);
        height = (height - 5) / s->stride + 1;
        width = (width - 5) / s->stride + 1;
        s->pooled = allocated(memory, &network.used, later, height, width, 0, batch);
        s->chosen = (int32_t *)allocated(memory, &network.used, later, height, width, 0, batch).data;
        for (int block = 0; block < BLOCKS; block++) {
            s->before[block] = allocated(memory, &network.used, later, height, width, 1, batch);
            s->between[block] = allocated(memory, &network.used, later, height, width, 1, batch);
        }
        for (int layer = 0; layer <= 2 * BLOCKS; layer++) {
            ptrdiff_t size = (ptrdiff_t)9 * later * (layer ? later : channels);
            s->offsets[layer] = offset;
            s->weights[layer] = parameters + offset;
            s->biases[layer] = parameters + offset + size;
            offset += size + later;
        }
        channels = later;
        network.output = s->pooled;
    }
    return network;
}

static void load(const void *frames, int bytes, const Planes *planes, int count, int batch) {
    ptrdiff_t size = (ptrdiff_t)planes->channels * planes->height * planes->width;
    float scaled[256];
    for (int value = 0; value < 256; value++) scaled[value] = value / 255.0f;
    for (ptrdiff_t place = 0; place < size; place++) {
        float *target = planes->data + place * batch;
        for (int sample = 0; sample < count; sample++)
            target[sample] = bytes ? scaled[((const uint8_t *)frames)[sample * size + place]]
                                   : ((const float *)frames)[sample * size + place];
        for (int sample = count; sample < batch; sample++) target[sample] = 0;
    }
}

static int padded(int count) { return (count + LANES - 1) / LANES * LANES; }

/* Returns the length, in floats, of the memory that `forward` fills and `backward` reads. */
size_t rtgraph_memory(const int *shape, int count) { return laid_out(shape, NULL, NULL, padded(count)).used; }

/* Computes features, (count, channels * height * width), from frames, (count, channels, height, width), bytes or floats.
   alone: one sample, and no `backward` follows. */
void rtgraph_forward(const int *shape, const float *parameters, const void *frames, int bytes, int count, int alone,
                     float *memory, float *features) {
    int batch = alone ? 1 : padded(count);
    Network network = laid_out(shape, parameters, memory, batch);
    load(frames, bytes, &network.sequences[0].input, count, batch);
    for (int number = 0; number < network.count; number++) {
        Sequence *s = &network.sequences[number];
        convolve(&s->input, &s->convolved, s->weights[0], s->biases[0], 0, batch, 0);
        pool(&s->convolved, &s->pooled, s->chosen, s->stride, batch);
        for (int block = 0; block < BLOCKS; block++) {
            int first = 1 + 2 * block;
            clear_border(&s->before[block], batch);
            clear_border(&s->between[block], batch);
            rectify(&s->pooled, &s->before[block], batch);
            convolve(&s->before[block], &s->between[block], s->weights[first], s->biases[first], -1, batch, 0);
            rectify(&s->between[block], &s->between[block], batch);
            convolve(&s->between[block], &s->pooled, s->weights[first + 1], s->biases[first + 1], -1, batch, 1);
        }
    }
    ptrdiff_t size = (ptrdiff_t)network.output.channels * network.output.height * network.output.width;
    for (int sample = 0; sample < count; sample++)
        for (ptrdiff_t place = 0; place < size; place++) {
            float value = network.output.data[place * batch + sample];
            features[sample * size + place] = value > 0 ? value : 0;
        }
}

/* Returns the length, in floats, of the memory that `backward` needs besides. */
size_t rtgraph_scratch(const int *shape, int count) {
    int batch = padded(count);
    Network network = laid_out(shape, NULL, NULL, batch);
    size_t most = 0, weights = 0;
    for (int number = 0; number < network.count; number++) {
        Planes planes = network.sequences[number].convolved;
        planes.border = 2;
        size_t size = size_of(&planes, batch), own = (size_t)9 * planes.channels * planes.channels;
        planes = network.sequences[number].input;
        size_t input = size_of(&planes, batch);
        most = size > most ? size : most;
        most = input > most ? input : most;
        weights = own > weights ? own : weights;
    }
    return 4 * most + weights;
}

/* Computes the gradient of the parameters from that of the features, after `forward` with the same memory. */
void rtgraph_backward(const int *shape, const float *parameters, int count, float *memory, float *scratch,
                      const float *features, float *gradient) {
    int batch = padded(count);
    size_t part = rtgraph_scratch(shape, count);
    Network network = laid_out(shape, parameters, memory, batch);
    size_t weights = 0;
    for (int number = 0; number < network.count; number++) {
        size_t own = (size_t)9 * network.sequences[number].pooled.channels * network.sequences[number].pooled.channels;
        weights = own > weights ? own : weights;
    }
    part = (part - weights) / 4;
    float *reversed = scratch + 4 * part;
    Planes change = network.output;
    change.border = 1;
    change.data = scratch;
    clear_border(&change, batch);
    ptrdiff_t place = 0, size = (ptrdiff_t)change.channels * change.height * change.width;
    for (int channel = 0; channel < change.channels; channel++)
        for (int row = 0; row < change.height; row++)
            for (int column = 0; column < change.width; column++, place++) {
                float *target = at(&change, channel, row, column, batch);
                const float *value = network.output.data + place * batch;
                for (int sample = 0; sample < batch; sample++)
                    target[sample] = sample < count && value[sample] > 0 ? features[sample * size + place] : 0;
            }
    for (int number = network.count - 1; number >= 0; number--) {
        Sequence *s = &network.sequences[number];
        Planes inner = change;
        inner.data = scratch + part;
        clear_border(&inner, batch);
        Planes outer = change;
        outer.data = scratch + 2 * part;
        for (int block = BLOCKS - 1; block >= 0; block--) {
            int first = 1 + 2 * block, channels = change.channels;
            float *own = gradient + s->offsets[first + 1];
            weights_gradient(&s->between[block], &change, own, own + 9 * channels * channels, -1, batch);
            reverse(s->weights[first + 1], reversed, channels, channels);
            convolve(&change, &inner, reversed, NULL, -1, batch, 0);
            rectify_gradient(&inner, &s->between[block], batch);
            own = gradient + s->offsets[first];
            weights_gradient(&s->before[block], &inner, own, own + 9 * channels * channels, -1, batch);
            reverse(s->weights[first], reversed, channels, channels);
            convolve(&inner, &outer, reversed, NULL, -1, batch, 0);
            rectify_gradient(&outer, &s->before[block], batch);
            add_to(&outer, &change, batch);
        }
        Planes wide = s->convolved;
        wide.border = 2;
        wide.data = scratch + 3 * part;
        pool_gradient(&change, s->chosen, &wide, s->stride, batch);
        float *own = gradient + s->offsets[0];
        weights_gradient(&s->input, &wide, own, own + (ptrdiff_t)9 * wide.channels * s->input.channels, 0, batch);
        if (!number) break;
        change = s->input;
        change.border = 1;
        change.data = scratch;
        clear_border(&change, batch);
        reverse(s->weights[0], reversed, wide.channels, s->input.channels);
        convolve(&wide, &change, reversed, NULL, -2, batch, 0);
    }
}
