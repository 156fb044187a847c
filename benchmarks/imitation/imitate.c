/* Answer the CPUID instruction as another x86-64 processor would.
 *
 * The dynamic linker loads this library first where LD_AUDIT names it, and tells it of every other
 * library before any code of that runs. Where one has a CPUID instruction, this library writes UD2 in
 * its place, which is as long. UD2 raises SIGILL; the handler puts the imitated answer into the
 * registers and goes on behind the instruction. All other instructions run at native speed.
 *
 * IMITATE says which processor: "vendor=amd,l1=32768,l2=524288,l3=16777216,avx512=0", the maker, the
 * caches in bytes, and whether it has AVX-512 (left out: as the real one). IMITATE_AT names a file with
 * a line for each CPUID instruction: its offset in its library's file, in hexadecimal, and that file.
 *
 * What ran before this library keeps the real processor: the dynamic linker, and the functions that
 * the C library chose by then.
 *
 * Sources: Intel, Software Developer's Manual, volume 2A, "CPUID"; AMD, Architecture Programmer's
 * Manual, volume 3, appendix E; rtld-audit(7).
 */
#define _GNU_SOURCE
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define MOST 4096 /* instructions */

struct registers { uint32_t a, b, c, d; };
struct cache { uint32_t type, level; long size; };
struct place { uintptr_t offset; char file[512]; uintptr_t address; /* once it is loaded */ };

static int amd, avx512 = 1;
static long l1, l2, l3;
static struct place places[MOST];
static int num_places;

static const unsigned char CPUID[] = {0x0f, 0xa2}, UD2[] = {0x0f, 0x0b};

static void fail(const char *what) {
    fprintf(stderr, "imitate: %s\n", what);
    _exit(99);
}

static struct registers real(uint32_t leaf, uint32_t subleaf) {
    struct registers r;
    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(subleaf));
    return r;
}

static void set_vendor(struct registers *r) {
    const char *vendor = amd ? "AuthenticAMD" : "GenuineIntel";
    memcpy(&r->b, vendor, 4);
    memcpy(&r->d, vendor + 4, 4);
    memcpy(&r->c, vendor + 8, 4);
}

/* One cache: leaf 4 of Intel and leaf 0x8000001D of AMD have the same fields. */
static struct registers describe_cache(uint32_t subleaf) {
    const struct cache caches[] = {{1, 1, l1}, {2, 1, 32768}, {3, 2, l2}, {3, 3, l3}};
    if (subleaf >= sizeof caches / sizeof *caches) return (struct registers){0, 0, 0, 0};
    struct cache cache = caches[subleaf];
    const uint32_t line = 64;
    /* A first cache has 64 sets, and 8 ways where it has 32 KB; the others have 16 ways. */
    uint32_t ways = cache.level == 1 ? cache.size / (64 * line) : 16;
    uint32_t sets = cache.size / (ways * line);
    return (struct registers){cache.type | cache.level << 5 | 1 << 8, (ways - 1) << 22 | (line - 1),
                              sets - 1, 0};
}

/* Leaf 7: take away what a processor without AVX-512 lacks, and what no AMD has. */
static void limit_features(uint32_t subleaf, struct registers *r) {
    const uint32_t amx = 1u << 22 | 1u << 24 | 1u << 25, fp16 = 1u << 23;
    if (amd && subleaf == 0) r->d &= ~(amx | fp16);
    if (avx512) return;
    if (subleaf == 0) {
        r->b &= ~(1u << 16 | 1u << 17 | 1u << 21 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 30 | 1u << 31);
        r->c &= ~(1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14);
        r->d &= ~(1u << 2 | 1u << 3 | 1u << 8 | amx | fp16);
    } else if (subleaf == 1) {
        r->a &= ~(1u << 4 | 1u << 5 | 1u << 21 | 1u << 23); /* AVX-VNNI, bfloat16, AMX-FP16, AVX-IFMA */
        r->d = 0;
    }
}

static uint32_t signature(void) { /* family, model and stepping */
    if (amd) return avx512 ? 0x00a10f11 /* Zen 4 */ : 0x00830f10 /* Zen 2 */;
    return avx512 ? 0x000606a6 /* Ice Lake */ : 0x000306f2 /* Haswell */;
}

static struct registers imitated(uint32_t leaf, uint32_t subleaf) {
    struct registers r = real(leaf, subleaf);
    switch (leaf) {
    case 0:
        if (r.a > 0x10) r.a = 0x10; /* the highest leaf */
        set_vendor(&r);
        break;
    case 1:
        r.a = signature();
        break;
    case 2: /* Intel: the caches are those of leaf 4. AMD: reserved. */
        r = (struct registers){amd ? 0 : 0x0000ff01, 0, 0, 0};
        break;
    case 4:
        r = amd ? (struct registers){0, 0, 0, 0} : describe_cache(subleaf);
        break;
    case 7:
        limit_features(subleaf, &r);
        break;
    case 0xd:
        if (!avx512 && subleaf == 0) r.a &= 7; /* states to be saved: x87, SSE, AVX */
        break;
    case 0x80000000: /* the highest leaf of this range */
        r = (struct registers){amd ? 0x8000001d : 0x80000008, 0, 0, 0};
        if (amd) set_vendor(&r);
        break;
    case 0x80000001: /* AMD: leaf 0x8000001D is there. Intel: nothing that AMD alone has. */
        r.c = amd ? r.c | 1u << 22 : r.c & (1u << 0 | 1u << 5 | 1u << 8);
        break;
    case 0x80000005: /* AMD: first caches, of data and instructions, in KB. */
        r = (struct registers){0, 0, amd ? l1 / 1024 << 24 | 0x080140 : 0, amd ? 0x20080140 : 0};
        break;
    case 0x80000006: /* The second cache in KB; AMD: the third in units of 512 KB. */
        r = (struct registers){0, 0, l2 / 1024 << 16 | 0x6040, amd ? l3 / 524288 << 18 | 0x9140 : 0};
        break;
    case 0x8000001d:
        r = describe_cache(subleaf);
        break;
    default:
        if (leaf > 0x80000008 && leaf < 0x8000001d) r = (struct registers){0, 0, 0, 0};
    }
    return r;
}

static void answer(int number, siginfo_t *information, void *context) {
    (void)number, (void)information;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    for (int i = 0; i < num_places; i++)
        if (places[i].address && places[i].address == (uintptr_t)registers[REG_RIP]) {
            struct registers r = imitated(registers[REG_RAX], registers[REG_RCX]);
            registers[REG_RAX] = r.a;
            registers[REG_RBX] = r.b;
            registers[REG_RCX] = r.c;
            registers[REG_RDX] = r.d;
            registers[REG_RIP] += sizeof UD2;
            return;
        }
    signal(SIGILL, SIG_DFL); /* not ours: it is raised again, and ends the process */
}

static void replace(struct place *place, uintptr_t address) {
    const uintptr_t page = sysconf(_SC_PAGESIZE), begin = address & ~(page - 1);
    const size_t length = address + sizeof UD2 - begin;
    if (memcmp((void *)address, CPUID, sizeof CPUID)) fail("a library is not the one of IMITATE_AT");
    if (mprotect((void *)begin, length, PROT_READ | PROT_WRITE | PROT_EXEC))
        fail("the system lets nobody change code");
    memcpy((void *)address, UD2, sizeof UD2);
    mprotect((void *)begin, length, PROT_READ | PROT_EXEC);
    place->address = address;
}

/* Replace the instructions of the libraries that have been loaded since the last time. */
static void replace_all(void) {
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[1024], rights[5], file[512];
    unsigned long begin, end, offset;
    if (!maps) fail("expected /proc/self/maps");
    while (fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %511[^\n]", &begin, &end, rights, &offset, file) < 5
            || rights[2] != 'x')
            continue;
        for (int i = 0; i < num_places; i++) {
            struct place *place = &places[i];
            if (!place->address && !strcmp(place->file, file) && place->offset >= offset
                && place->offset < offset + (end - begin))
                replace(place, begin + place->offset - offset);
        }
    }
    fclose(maps);
}

static void read_places(const char *name) {
    FILE *file = name ? fopen(name, "r") : NULL;
    if (!file) fail("expected IMITATE_AT to name a file");
    while (fscanf(file, "%lx %511[^\n]", &places[num_places].offset, places[num_places].file) == 2)
        if (++num_places == MOST) fail("more instructions than there is room for");
    fclose(file);
}

static void read_processor(const char *text) {
    const char *maker = strstr(text, "vendor=");
    if (!maker || sscanf(maker, "vendor=%*[a-z],l1=%ld,l2=%ld,l3=%ld,avx512=%d", &l1, &l2, &l3, &avx512) < 3)
        fail("expected IMITATE to be vendor=amd|intel,l1=BYTES,l2=BYTES,l3=BYTES[,avx512=0]");
    amd = !strncmp(maker, "vendor=amd,", 11);
}

unsigned int la_version(unsigned int version) {
    struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};
    read_processor(getenv("IMITATE") ? getenv("IMITATE") : "");
    read_places(getenv("IMITATE_AT"));
    sigaction(SIGILL, &action, NULL);
    return version;
}

unsigned int la_objopen(struct link_map *map, Lmid_t space, uintptr_t *cookie) {
    (void)map, (void)space, (void)cookie;
    replace_all();
    return 0; /* calls between libraries go on unseen */
}
