import { constants, type FileHandle, mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { join } from "node:path";

/** The few things a spool asks of a disk, so that a simulated one can lose, tear and refuse. Paths are names within one folder. */
export interface Disk {
  list(): Promise<readonly string[]>;
  /** Opens for appending and reading; creates where missing. */
  open(name: string): Promise<DiskFile>;
  read(name: string): Promise<Buffer>;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Makes renames, creations and removals of this folder last. */
  syncFolder(): Promise<void>;
}

export interface DiskFile {
  /** Appends; a failure may leave any prefix behind. */
  append(bytes: Buffer): Promise<void>;
  /** Returns when everything appended so far would survive a power cut. After a failure nothing may be assumed of any of it. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** A folder of the real file system; made where missing. */
export async function folderDisk(folder: string): Promise<Disk> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return {
    list: () => readdir(folder),
    open: async (name) =>
      fileOf(
        await open(
          join(folder, name),
          constants.O_CREAT | constants.O_APPEND | constants.O_WRONLY,
          0o600,
        ),
      ),
    read: async (name) => {
      const file = await open(join(folder, name), "r");
      try {
        return await file.readFile();
      } finally {
        await file.close();
      }
    },
    rename: (from, to) => rename(join(folder, from), join(folder, to)),
    remove: (name) => unlink(join(folder, name)),
    syncFolder: async () => {
      const handle = await open(folder, "r");
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
  };
}

function fileOf(file: FileHandle): DiskFile {
  return {
    append: async (bytes) => {
      for (let written = 0; written < bytes.length;) {
        const result = await file.write(bytes, written);
        written += result.bytesWritten;
      }
    },
    sync: () => file.datasync(),
    close: () => file.close(),
  };
}
