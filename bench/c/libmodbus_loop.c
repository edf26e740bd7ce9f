/* The floor: libmodbus reads one block from each device once a period, in one thread, and scales every register.
 *
 *     libmodbus_loop POINTS PERIOD_S PORT...
 *
 * Runs until it is killed. Debian: libmodbus-dev, gcc.
 */
#include <errno.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
    int points = argc > 3 ? atoi(argv[1]) : 0, devices = argc - 3;
    double period_s = argc > 3 ? atof(argv[2]) : 0.0;
    if (points < 1 || points > 125 || period_s <= 0.0) { fprintf(stderr, "libmodbus_loop POINTS PERIOD_S PORT...\n"); return 2; }
    modbus_t **links = calloc(devices, sizeof *links);
    double *values = calloc(points, sizeof *values);
    for (int i = 0; i < devices; i++) {
        links[i] = modbus_new_tcp("127.0.0.1", atoi(argv[3 + i]));
        if (!links[i] || modbus_connect(links[i])) { fprintf(stderr, "%s: %s\n", argv[3 + i], modbus_strerror(errno)); return 1; }
        modbus_set_slave(links[i], 1);
    }
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    long step_ns = period_s * 1e9 / devices;
    for (;;) {
        for (int i = 0; i < devices; i++) {
            uint16_t words[125];
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
            if (modbus_read_registers(links[i], 0, points, words) != points) {
                fprintf(stderr, "%s: %s\n", argv[3 + i], modbus_strerror(errno));
                return 1;
            }
            for (int k = 0; k < points; k++) values[k] = (int16_t)words[k] * 0.1;
            due.tv_nsec += step_ns;
            due.tv_sec += due.tv_nsec / 1000000000;
            due.tv_nsec %= 1000000000;
        }
    }
}
