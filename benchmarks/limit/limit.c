/* limit: what the system alone costs. It answers every head, recognised by its
 * empty line, with the same bytes, and parses nothing.
 *
 *   gcc -O2 -pthread -o limit limit.c && ./limit PORT THREADS
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_EVENTS = 512, BUFFER = 65536, MAX_BATCH = 4096 };

static const char answer[] =
    "HTTP/1.1 200 OK\r\n"
    "Date: Sat, 21 Nov 2026 12:00:00 GMT\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 13\r\n\r\n"
    "Hello, World!";
static char *batch; /* MAX_BATCH answers behind each other */
static int port;

/* Each thread listens for itself; the kernel spreads the connections. */
static int listener(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  struct sockaddr_in at = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 4096)) {
    perror("limit");
    exit(1);
  }
  return fd;
}

static void watch(int epoll, int fd, unsigned events) {
  struct epoll_event ev = {.events = events, .data.fd = fd};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
}

static void accept_all(int epoll, int from) {
  int fd, on = 1;
  while ((fd = accept4(from, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(epoll, fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
  }
}

/* A head that comes in pieces is missed: the generator never cuts one. */
static void serve(int fd, char *buf) {
  ssize_t n = recv(fd, buf, BUFFER, 0);
  if (n <= 0) {
    close(fd);
    return;
  }
  size_t heads = 0;
  char *p = buf, *end = buf + n;
  while (heads < MAX_BATCH && (p = memmem(p, (size_t)(end - p), "\r\n\r\n", 4))) {
    heads++;
    p += 4;
  }
  if (heads > 0)
    send(fd, batch, heads * (sizeof answer - 1), MSG_NOSIGNAL);
}

static void *loop(void *unused) {
  int from = listener(), epoll = epoll_create1(0);
  struct epoll_event events[MAX_EVENTS];
  char *buf = malloc(BUFFER);
  watch(epoll, from, EPOLLIN);
  for (;;) {
    int n = epoll_wait(epoll, events, MAX_EVENTS, -1);
    for (int i = 0; i < n; i++) {
      if (events[i].data.fd == from)
        accept_all(epoll, from);
      else
        serve(events[i].data.fd, buf);
    }
  }
  return unused;
}

int main(int argc, char **argv) {
  port = argc > 1 ? atoi(argv[1]) : 8080;
  int threads = argc > 2 ? atoi(argv[2]) : 2;
  batch = malloc(MAX_BATCH * (sizeof answer - 1));
  for (int i = 0; i < MAX_BATCH; i++)
    memcpy(batch + (size_t)i * (sizeof answer - 1), answer, sizeof answer - 1);
  pthread_t thread;
  while (--threads > 0)
    pthread_create(&thread, NULL, loop, NULL);
  loop(NULL);
}
