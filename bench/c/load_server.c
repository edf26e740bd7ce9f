/* Many virtual Modbus TCP devices in one process, as cheap as can be, so that a load test measures its clients.
 *
 *     load_server DEVICES
 *
 * Listens on DEVICES free ports of 127.0.0.1 and prints them on one line. Each port is one device with 1024 registers,
 * the same for functions 3 and 4; function 6 and 16 write them. Every line on standard input is answered by
 * "REQUESTS REGISTERS CPU_SECONDS" so far; at its end the program ends.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEVICES_MAX = 1000, REGISTERS = 1024, FDS_MAX = 8192, FRAME_MAX = 260, EVENTS = 256 };

static uint8_t registers[DEVICES_MAX][2 * REGISTERS]; /* in wire order */
static struct { int device, listens, used; uint8_t bytes[FRAME_MAX]; } peers[FDS_MAX];
static unsigned long requests, read_registers;

static void die(const char *what) { perror(what); exit(1); }

static int word(const uint8_t *at) { return at[0] << 8 | at[1]; }

/* Turn the request in `frame` into its reply; return the reply's length. */
static int answer(int device, uint8_t *frame)
{
    int function = frame[7], address = word(frame + 8), count = word(frame + 10), size;
    requests++;
    if ((function == 3 || function == 4) && count >= 1 && count <= 125 && address + count <= REGISTERS) {
        memcpy(frame + 9, registers[device] + 2 * address, 2 * count);
        frame[8] = 2 * count;
        read_registers += count;
        size = 9 + 2 * count;
    } else if (function == 6 && address < REGISTERS) {
        memcpy(registers[device] + 2 * address, frame + 10, 2);
        size = 12;
    } else if (function == 16 && count >= 1 && count <= 123 && frame[12] == 2 * count && address + count <= REGISTERS) {
        memcpy(registers[device] + 2 * address, frame + 13, 2 * count);
        size = 12;
    } else {
        frame[7] |= 0x80;
        frame[8] = 2;
        size = 9;
    }
    frame[4] = 0;
    frame[5] = size - 6;
    return size;
}

static void serve(int fd)
{
    ssize_t got = recv(fd, peers[fd].bytes + peers[fd].used, FRAME_MAX - peers[fd].used, 0);
    if (got <= 0) { close(fd); return; }
    peers[fd].used += got;
    uint8_t *frame = peers[fd].bytes;
    while (peers[fd].used >= 12) {
        int size = 6 + word(frame + 4);
        uint8_t reply[FRAME_MAX];
        if (size < 12 || size > FRAME_MAX) { close(fd); return; }
        if (peers[fd].used < size) return;
        memcpy(reply, frame, size);
        int length = answer(peers[fd].device, reply);
        if (send(fd, reply, length, MSG_NOSIGNAL) != length) { close(fd); return; }
        peers[fd].used -= size;
        memmove(frame, frame + size, peers[fd].used);
    }
}

static void watch(int epoll, int fd, int device, int listens)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    if (fd >= FDS_MAX) { close(fd); return; }
    peers[fd].device = device;
    peers[fd].listens = listens;
    peers[fd].used = 0;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl");
}

static void open_device(int epoll, int device)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) || listen(fd, 16)) die("listen");
    if (getsockname(fd, (struct sockaddr *)&address, &length)) die("getsockname");
    printf(device ? " %d" : "%d", ntohs(address.sin_port));
    for (int i = 0; i < REGISTERS; i++) {
        registers[device][2 * i] = (200 + i % 100) >> 8;
        registers[device][2 * i + 1] = (200 + i % 100) & 0xff;
    }
    watch(epoll, fd, device, 1);
}

static void tell(void)
{
    char line[64];
    struct rusage used;
    if (read(0, line, sizeof line) <= 0) exit(0);
    getrusage(RUSAGE_SELF, &used);
    printf("%lu %lu %.6f\n", requests, read_registers, used.ru_utime.tv_sec + used.ru_stime.tv_sec
           + 1e-6 * (used.ru_utime.tv_usec + used.ru_stime.tv_usec));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int devices = argc == 2 ? atoi(argv[1]) : 0, epoll = epoll_create1(0);
    if (devices < 1 || devices > DEVICES_MAX || epoll < 0) { fprintf(stderr, "load_server 1..1000\n"); return 2; }
    for (int device = 0; device < devices; device++) open_device(epoll, device);
    printf("\n");
    fflush(stdout);
    watch(epoll, 0, 0, 0);
    for (;;) {
        struct epoll_event ready[EVENTS];
        int count = epoll_wait(epoll, ready, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd, yes = 1;
            if (fd == 0) {
                tell();
            } else if (!peers[fd].listens) {
                serve(fd);
            } else if ((yes = accept(fd, NULL, NULL)) >= 0) {
                int on = 1;
                setsockopt(yes, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                watch(epoll, yes, peers[fd].device, 0);
            }
        }
    }
}
