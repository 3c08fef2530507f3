/*
 * replay: runs a fuzz target over its kept corpus, without a fuzzer.
 *
 * The program fuzz_x reads each file of tests/fuzz/corpus/x; no folder or
 * an empty one is a failure.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns 0, or an errno. */
static int
replay_file(const char *path, size_t size)
{
	/* exactly as large as the file, so that a read beyond is seen */
	uint8_t *data = malloc(size > 0 ? size : 1);
	FILE *f = fopen(path, "rb");
	int rc = EIO;

	if (f == NULL || data == NULL)
		goto fail;
	if (fread(data, 1, size, f) != size)
		goto fail;
	LLVMFuzzerTestOneInput(data, size);
	rc = 0;

fail:
	if (f != NULL)
		fclose(f);
	free(data);
	return rc;
}

/* Returns how many files of folder were replayed; -1 when one could not be
 * read. */
static int
replay_folder(DIR *dir, const char *folder)
{
	char path[4096];
	struct dirent *e;
	struct stat st;
	int count = 0;

	while ((e = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
			continue;
		if (replay_file(path, (size_t)st.st_size) != 0) {
			fprintf(stderr, "replay: cannot read %s\n", path);
			return -1;
		}
		count++;
	}
	return count;
}

int
main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	char folder[1024];
	int count;
	DIR *dir;

	(void)argc;
	name = name != NULL ? name + 1 : argv[0];
	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	snprintf(folder, sizeof(folder), "tests/fuzz/corpus/%s", name);
	if ((dir = opendir(folder)) == NULL) {
		fprintf(stderr, "replay: no folder %s\n", folder);
		return 1;
	}
	count = replay_folder(dir, folder);
	closedir(dir);
	if (count == 0)
		fprintf(stderr, "replay: %s is empty\n", folder);
	printf("%s: %d inputs\n", name, count);
	return count > 0 ? 0 : 1;
}
