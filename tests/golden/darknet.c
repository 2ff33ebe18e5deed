/* What tests/golden/make_darknet.py asks the authors' Darknet.

   darknet predict CFG WEIGHTS PICTURES LAYER...
       Each picture's outputs of some layers, one float32 after the other, to the file $ANSWER.
   darknet loss CFG OUTPUTS TRUTH
       Of a cfg whose only layer is a [region] or [detection]: minus the gradient of the
       loss with respect to that layer's inputs.
   darknet boxes CFG OUTPUTS WIDTH HEIGHT THRESHOLD IOU
       x, y, width, height of the picture's pixels, objectness and the probabilities of
       every box; after NMS where IOU is above 0.

   Numbers in files are float32. Compiled with the authors' library. */
#include "darknet.h"
#include "activations.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *answer;

static float *read_floats(const char *path, size_t *count)
{
    FILE *file = fopen(path, "rb");
    fseek(file, 0, SEEK_END);
    *count = ftell(file) / sizeof(float);
    rewind(file);
    float *numbers = calloc(*count + 1, sizeof(float));
    if (fread(numbers, sizeof(float), *count, file) != *count) exit(2);
    fclose(file);
    return numbers;
}

static void predict(network *net, char **arguments, int count)
{
    size_t size;
    float *pictures = read_floats(arguments[0], &size);
    int each = net->inputs;
    for (size_t i = 0; i < size / each; ++i) {
        network_predict(net, pictures + i * each);
        for (int j = 1; j < count; ++j) {
            layer l = net->layers[atoi(arguments[j])];
            fwrite(l.output, sizeof(float), l.outputs, answer);
        }
    }
}

/* What backward_region_layer_gpu does; on a CPU the authors left it out. */
static void region_backward(layer l, float *delta)
{
    int cells = l.w * l.h;
    memcpy(delta, l.delta, l.inputs * sizeof(float));
    for (int n = 0; n < l.n; ++n) {
        int start = n * cells * (l.coords + l.classes + 1);
        gradient_array(l.output + start, 2 * cells, LOGISTIC, delta + start);
        start += l.coords * cells;
        gradient_array(l.output + start, cells, LOGISTIC, delta + start);
    }
}

static void loss(network *net, char **arguments)
{
    size_t size;
    layer l = net->layers[0];
    network training = *net;
    size_t seen = 1000000;  /* past the first stage of training */
    training.train = 1;
    training.seen = &seen;
    training.input = read_floats(arguments[0], &size);
    if (size != l.inputs) exit(3);
    training.truth = read_floats(arguments[1], &size);
    training.delta = calloc(l.inputs, sizeof(float));
    l.forward(l, training);
    if (l.type == REGION) region_backward(l, training.delta);
    else l.backward(l, training);
    fwrite(training.delta, sizeof(float), l.inputs, answer);
}

static void boxes(network *net, char **arguments)
{
    size_t size;
    layer l = net->layers[0];
    network testing = *net;
    testing.train = 0;
    testing.input = read_floats(arguments[0], &size);
    l.forward(l, testing);
    int count, width = atoi(arguments[1]), height = atoi(arguments[2]);
    float threshold = atof(arguments[3]), iou = atof(arguments[4]);
    detection *found = get_network_boxes(net, width, height, threshold, 0.5, 0, 0, &count);
    if (iou > 0) do_nms_sort(found, count, l.classes, iou);
    for (int i = 0; i < count; ++i) {
        fwrite(&found[i].bbox, sizeof(float), 4, answer);
        fwrite(&found[i].objectness, sizeof(float), 1, answer);
        fwrite(found[i].prob, sizeof(float), l.classes, answer);
    }
}

int main(int argc, char **argv)
{
    answer = fopen(getenv("ANSWER"), "wb");
    char *weights = strcmp(argv[1], "predict") ? 0 : argv[3];
    network *net = load_network(argv[2], weights, 0);
    set_batch_network(net, 1);
    if (weights) predict(net, argv + 4, argc - 4);
    else if (!strcmp(argv[1], "loss")) loss(net, argv + 3);
    else boxes(net, argv + 3);
    fclose(answer);
    return 0;
}
