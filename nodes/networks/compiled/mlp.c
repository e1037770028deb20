/* Fully connected layers with ReLU between them, and their gradient.
 *
 * shape: {layers, join, numbers, classes, pending numbers, pending classes}, then for each layer {inputs, outputs, place of its
 * weight, place of its bias}, in floats from the first weight. A weight is (outputs, inputs), as in torch. With classes, each number
 * is one-hot: 0 to classes - 1 in an observation; 1 to classes in pending actions, where 0 is all zeros. Pending actions are
 * appended to the inputs of layer ``join``.
 *
 * memory: the inputs of each layer, (count, inputs) one after the other, then scratch memory, then the turned gradient of layer 0.
 */

#include <stddef.h>
#include <string.h>

enum { LAYERS, JOIN, NUMBERS, CLASSES, PENDING, PENDING_CLASSES, HEADER };
enum { BLOCK = 32, TILE = 8 };

typedef float Vector __attribute__((vector_size(32), aligned(4), may_alias));

typedef struct { int inputs, outputs, weight, bias; } Layer;

static const Layer *layers_of(const int *shape) { return (const Layer *)(shape + HEADER); }

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* Return the number of floats that all inputs of a batch take, before those of layer ``end``. */
static size_t inputs_before(const int *shape, int end, int count) {
    size_t sum = 0;
    for (int l = 0; l < end; l++) sum += (size_t)count * layers_of(shape)[l].inputs;
    return sum;
}

static size_t scratch(const int *shape, int count) {
    size_t most = 0;
    for (int l = 0; l < shape[LAYERS]; l++) {
        const Layer *at = layers_of(shape) + l;
        most = larger(most, (size_t)at->inputs * at->outputs);
        most = larger(most, 2 * (size_t)count * larger(at->inputs, at->outputs));
    }
    return most;
}

/* Return the number of floats of memory for a batch. */
size_t rtgraph_mlp_memory(const int *shape, int count) {
    const Layer *first = layers_of(shape);
    return inputs_before(shape, shape[LAYERS], count) + scratch(shape, count) + (size_t)first->inputs * first->outputs;
}

/* Transpose a matrix, (rows, columns), tile by tile, so that both matrices are in the cache. */
static void turn(const float *matrix, int rows, int columns, float *turned) {
    for (int j = 0; j < rows; j += TILE)
        for (int i = 0; i < columns; i += TILE)
            for (int y = j; y < j + TILE && y < rows; y++)
                for (int x = i; x < i + TILE && x < columns; x++) turned[(size_t)x * rows + y] = matrix[(size_t)y * columns + x];
}

/* Add to BLOCK numbers of y the rows with these numbers, each times its factor. */
static void add_block(const int *kept, const float *factors, int n, const float *rows, int width, float *y) {
    Vector sums[BLOCK / 8];
    memcpy(sums, y, sizeof sums);
    for (int k = 0; k < n; k++) {
        const Vector *row = (const Vector *)(rows + (size_t)kept[k] * width);
        for (int j = 0; j < BLOCK / 8; j++) sums[j] += factors[k] * row[j];
    }
    memcpy(y, sums, sizeof sums);
}

/* y, (size), += sum of factor * row over n rows of ``width``; rows with a factor of 0 cost nothing. */
static void add_rows(const float *factors, int stride, int n, const float *rows, int width, float *y, int size) {
    int kept[n], found = 0;
    float values[n];
    for (int i = 0; i < n; i++) {
        float value = factors[(size_t)i * stride];
        kept[found] = i;
        values[found] = value;
        found += value != 0;
    }
    int j = 0;
    for (; j + BLOCK <= size; j += BLOCK) add_block(kept, values, found, rows + j, width, y + j);
    if (j == size) return;
    for (int k = 0; k < found; k++)
        for (int i = j; i < size; i++) y[i] += values[k] * rows[(size_t)kept[k] * width + i];
}

/* Write the numbers of each sample, as they are or one-hot, into rows of ``width``; return 0 if one has no class. */
static int encode(const float *numbers, int n, int classes, int first, int count, int width, float *rows) {
    for (int s = 0; s < count; s++, numbers += n, rows += width) {
        if (!classes) {
            memcpy(rows, numbers, n * sizeof *rows);
            continue;
        }
        memset(rows, 0, (size_t)n * classes * sizeof *rows);
        for (int i = 0; i < n; i++) {
            if (!(numbers[i] >= 0 && numbers[i] < classes + first)) return 0;
            if (numbers[i] >= first) rows[i * classes + (int)numbers[i] - first] = 1;
        }
    }
    return 1;
}

/* Compute layers ``from`` to ``to`` - 1, and write what the last one computes: (count, outputs).
 *
 * ``input`` is an observation of numbers if ``from`` is 0, else the outputs of the layer before. Return 0 if a number has no class.
 */
int rtgraph_mlp_forward(
    const int *shape, const float *weights, int from, int to, int count, const float *input, const float *pending, float *memory, float *output
) {
    const Layer *layers = layers_of(shape);
    float *rows = memory + inputs_before(shape, from, count), *turned = memory + inputs_before(shape, shape[LAYERS], count);
    if (from == 0) {
        if (!encode(input, shape[NUMBERS], shape[CLASSES], 0, count, layers[0].inputs, rows)) return 0;
    } else {
        int n = layers[from - 1].outputs;
        if (!encode(input, n, 0, 0, count, layers[from].inputs, rows)) return 0;
    }
    for (int l = from; l < to; l++) {
        const Layer *at = layers + l;
        const float *weight = weights + at->weight, *bias = weights + at->bias;
        int inputs = at->inputs, outputs = at->outputs, last = l == to - 1;
        if (l == shape[JOIN] && shape[PENDING]) {
            int classes = shape[PENDING_CLASSES], columns = shape[PENDING] * (classes ? classes : 1);
            if (!encode(pending, shape[PENDING], classes, 1, count, inputs, rows + inputs - columns)) return 0;
        }
        if (count > 1) turn(weight, outputs, inputs, turned);
        float *next = last ? output : rows + (size_t)count * inputs;
        int width = last ? outputs : layers[l + 1].inputs;
        for (int s = 0; s < count; s++) {
            const float *x = rows + (size_t)s * inputs;
            float *y = next + (size_t)s * width;
            memcpy(y, bias, outputs * sizeof *y);
            if (count > 1)
                add_rows(x, 1, inputs, turned, outputs, y, outputs);
            else
                for (int j = 0; j < outputs; j++) {
                    float sum = 0;
                    for (int i = 0; i < inputs; i++) sum += x[i] * weight[(size_t)j * inputs + i];
                    y[j] += sum;
                }
            if (l < shape[LAYERS] - 1) /* NaN stays NaN */
                for (int j = 0; j < outputs; j++) y[j] = y[j] < 0 ? 0 : y[j];
        }
        rows = next;
    }
    return 1;
}

/* Return whether most numbers are 0, as in observations of bits or one-hot codes. */
static int is_sparse(const float *numbers, size_t n) {
    size_t found = 0;
    for (size_t i = 0; i < n; i++) found += numbers[i] != 0;
    return found < n / 3;
}

/* Compute the gradient of the weights of layers ``from`` to ``to`` - 1 from that of their outputs, after a forward pass with this memory.
 *
 * Also write the gradient of the inputs of layer ``from``, without pending actions: (count, outputs of the layer before); nothing if it is 0.
 */
void rtgraph_mlp_backward(
    const int *shape, const float *weights, int from, int to, int count, const float *change, float *memory, float *gradient, float *inputs_change
) {
    const Layer *layers = layers_of(shape);
    float *spare = memory + inputs_before(shape, shape[LAYERS], count), *other = spare + scratch(shape, count) / 2;
    for (int l = to - 1; l >= from; l--) {
        const Layer *at = layers + l;
        const float *rows = memory + inputs_before(shape, l, count), *weight = weights + at->weight;
        float *weights_change = gradient + at->weight, *bias_change = gradient + at->bias;
        int inputs = at->inputs, outputs = at->outputs;
        memset(bias_change, 0, outputs * sizeof *gradient);
        if (l == 0 && is_sparse(rows, (size_t)count * inputs)) {
            float *turned = memory + inputs_before(shape, shape[LAYERS], count) + scratch(shape, count);
            memset(turned, 0, (size_t)inputs * outputs * sizeof *turned);
            for (int s = 0; s < count; s++)
                for (int i = 0; i < inputs; i++) {
                    float x = rows[(size_t)s * inputs + i];
                    if (x == 0) continue;
                    for (int j = 0; j < outputs; j++) turned[(size_t)i * outputs + j] += x * change[(size_t)s * outputs + j];
                }
            turn(turned, inputs, outputs, weights_change);
        } else {
            memset(weights_change, 0, (size_t)inputs * outputs * sizeof *gradient);
            for (int j = 0; j < outputs; j++) add_rows(change + j, outputs, count, rows, inputs, weights_change + (size_t)j * inputs, inputs);
        }
        for (int s = 0; s < count; s++)
            for (int j = 0; j < outputs; j++) bias_change[j] += change[(size_t)s * outputs + j];
        if (l == 0) return;
        int before = layers[l - 1].outputs;
        float *found = l == from ? inputs_change : spare;
        for (int s = 0; s < count; s++) {
            float *y = found + (size_t)s * before;
            memset(y, 0, before * sizeof *y);
            add_rows(change + (size_t)s * outputs, 1, outputs, weight, inputs, y, before);
            for (int i = 0; l > from && i < before; i++) y[i] = rows[(size_t)s * inputs + i] > 0 ? y[i] : 0;
        }
        change = spare;
        float *swapped = spare;
        spare = other;
        other = swapped;
    }
}

/* Rolling features through pending actions: z += f(z, action), with f of two layers. The action in the first slot is left out.
 *
 * model: {slots, numbers of an action, classes, features, hidden, place of the first weight, its bias, the second weight, its bias}. The
 * first weight is (hidden, features + columns of an action), the second (features, hidden).
 *
 * memory: the features before each action and after the last, (actions + 1, count, features); then for each action the hidden layer, the
 * encoded action, the gradients of the hidden layer and of the features after it; last, the weights turned.
 */
enum { SLOTS, ACTION, ACTION_CLASSES, FEATURES, HIDDEN, FIRST, FIRST_BIAS, SECOND, SECOND_BIAS };

typedef struct { float *features, *hidden, *actions, *hidden_change, *features_change, *turned; } Rolled;

static int columns_of(const int *model) { return model[ACTION] * (model[ACTION_CLASSES] ? model[ACTION_CLASSES] : 1); }

static size_t rows_of(const int *model, int count) { return (size_t)(model[SLOTS] - 1) * count; }

static Rolled parts_of(const int *model, int count, float *memory) {
    size_t rows = rows_of(model, count);
    Rolled at;
    at.features = memory;
    at.hidden = at.features + (rows + count) * model[FEATURES];
    at.actions = at.hidden + rows * model[HIDDEN];
    at.hidden_change = at.actions + rows * columns_of(model);
    at.features_change = at.hidden_change + rows * model[HIDDEN];
    at.turned = at.features_change + rows * model[FEATURES];
    return at;
}

/* Return the number of floats of memory for a batch. */
size_t rtgraph_roll_memory(const int *model, int count) {
    size_t rows = rows_of(model, count), width = model[FEATURES], hidden = model[HIDDEN], columns = columns_of(model);
    return (rows + count) * width + rows * (2 * hidden + columns + width) + (2 * width + columns) * hidden;
}

/* Roll features, (count, features), through pending actions, (count, slots, numbers), into the memory; an unknown action, all zeros, changes
 * nothing. Every number must have a class. */
void rtgraph_roll_forward(const int *model, const float *weights, int count, const float *features, const float *pending, float *memory) {
    int width = model[FEATURES], hidden = model[HIDDEN], columns = columns_of(model), inputs = width + columns;
    Rolled at = parts_of(model, count, memory);
    float *second = at.turned + (size_t)inputs * hidden;
    turn(weights + model[FIRST], hidden, inputs, at.turned);
    turn(weights + model[SECOND], width, hidden, second);
    memcpy(at.features, features, (size_t)count * width * sizeof *features);
    for (size_t row = 0; row < rows_of(model, count); row++) {
        size_t s = row % count, slot = row / count + 1;
        const float *z = at.features + row * width, *given = pending + (s * model[SLOTS] + slot) * model[ACTION];
        float *next = at.features + (row + count) * width, *h = at.hidden + row * hidden, *action = at.actions + row * columns;
        encode(given, model[ACTION], model[ACTION_CLASSES], 1, 1, columns, action);
        memcpy(next, z, width * sizeof *z);
        int known = 0;
        for (int i = 0; i < columns; i++) known |= action[i] != 0;
        if (!known) {
            memset(h, 0, hidden * sizeof *h); /* as the gradient of this row, which is 0 then */
            continue;
        }
        memcpy(h, weights + model[FIRST_BIAS], hidden * sizeof *h);
        add_rows(action, 1, columns, at.turned + (size_t)width * hidden, hidden, h, hidden);
        add_rows(z, 1, width, at.turned, hidden, h, hidden);
        for (int j = 0; j < hidden; j++) h[j] = h[j] < 0 ? 0 : h[j];
        for (int i = 0; i < width; i++) next[i] += weights[model[SECOND_BIAS] + i];
        add_rows(h, 1, hidden, second, width, next, width);
    }
}

/* Compute the gradient of the model's weights, and turn ``change``, (count, features), from the gradient of the last features into that of the
 * first, after a forward pass with this memory. ``added``, (count, features), is added to the gradient after action ``place[s]`` (1 is the
 * first); place 0: nothing is. */
void rtgraph_roll_backward(
    const int *model, const float *weights, int count, float *change, const int *place, const float *added, float *memory, float *gradient
) {
    int width = model[FEATURES], hidden = model[HIDDEN], columns = columns_of(model), inputs = width + columns;
    size_t rows = rows_of(model, count);
    Rolled at = parts_of(model, count, memory);
    for (size_t row = rows; row-- > 0;) {
        size_t s = row % count;
        float *dz = change + s * width, *dh = at.hidden_change + row * hidden, *after = at.features_change + row * width;
        const float *h = at.hidden + row * hidden, *action = at.actions + row * columns;
        if (place[s] == (int)(row / count) + 1)
            for (int i = 0; i < width; i++) dz[i] += added[s * width + i];
        int known = 0;
        for (int i = 0; i < columns; i++) known |= action[i] != 0;
        memset(dh, 0, hidden * sizeof *dh);
        memset(after, 0, width * sizeof *after);
        if (!known) continue;
        memcpy(after, dz, width * sizeof *after);
        add_rows(dz, 1, width, weights + model[SECOND], hidden, dh, hidden);
        for (int j = 0; j < hidden; j++) dh[j] = h[j] > 0 ? dh[j] : 0;
        add_rows(dh, 1, hidden, weights + model[FIRST], inputs, dz, width);
    }
    float *first = gradient + model[FIRST], *first_bias = gradient + model[FIRST_BIAS];
    float *second = gradient + model[SECOND], *second_bias = gradient + model[SECOND_BIAS];
    memset(first, 0, (size_t)hidden * inputs * sizeof *first);
    memset(first_bias, 0, hidden * sizeof *first);
    memset(second, 0, (size_t)width * hidden * sizeof *second);
    memset(second_bias, 0, width * sizeof *second);
    for (size_t from = 0; from < rows; from += count) {
        const float *dh = at.hidden_change + from * hidden, *after = at.features_change + from * width;
        for (int j = 0; j < hidden; j++) {
            float *row = first + (size_t)j * inputs;
            add_rows(dh + j, hidden, count, at.features + from * width, width, row, width);
            add_rows(dh + j, hidden, count, at.actions + from * columns, columns, row + width, columns);
        }
        for (int i = 0; i < width; i++)
            add_rows(after + i, width, count, at.hidden + from * hidden, hidden, second + (size_t)i * hidden, hidden);
    }
    for (size_t row = 0; row < rows; row++) {
        for (int j = 0; j < hidden; j++) first_bias[j] += at.hidden_change[row * hidden + j];
        for (int i = 0; i < width; i++) second_bias[i] += at.features_change[row * width + i];
    }
}
