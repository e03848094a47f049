//! The VFS as SQLite wants it.
//!
//! All `unsafe` here rests on two promises of SQLite: the pointers that it
//! passes are valid for the call, and a `sqlite3_file` that it passes is one
//! that [`open`] filled and [`close`] has not emptied.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::atomic::{Ordering, fence};

use rusqlite::ffi;

use super::{Open, Operation, VFS};

#[repr(C)]
struct Handle {
    base: ffi::sqlite3_file,
    open: *mut Open,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Register the VFS: the default one for time and randomness, ours for files.
pub(super) fn register() {
    let name = CString::new(VFS).unwrap().into_raw();
    unsafe {
        let default = ffi::sqlite3_vfs_find(std::ptr::null());
        let vfs = Box::leak(Box::new(*default));
        vfs.szOsFile = c_int::try_from(size_of::<Handle>()).unwrap();
        vfs.pNext = std::ptr::null_mut();
        vfs.zName = name;
        vfs.xOpen = Some(open);
        vfs.xDelete = Some(delete);
        vfs.xAccess = Some(access);
        vfs.xFullPathname = Some(full_pathname);
        assert_eq!(ffi::sqlite3_vfs_register(vfs, 0), ffi::SQLITE_OK);
    }
}

unsafe fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a Open {
    unsafe { &*(*file.cast::<Handle>()).open }
}

unsafe fn text<'a>(name: *const c_char) -> &'a str {
    unsafe { CStr::from_ptr(name) }.to_str().unwrap()
}

fn unsigned<N>(number: N) -> usize
where
    usize: TryFrom<N>,
{
    usize::try_from(number).unwrap_or_else(|_| panic!("SQLite passes no negative sizes"))
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let handle = unsafe { &mut *file.cast::<Handle>() };
    handle.base.pMethods = std::ptr::null();
    let name = (!name.is_null()).then(|| unsafe { text(name) });
    let Some(open) = Open::new(name) else { return ffi::SQLITE_CANTOPEN };
    handle.open = Box::into_raw(Box::new(open));
    handle.base.pMethods = &raw const METHODS;
    if !out_flags.is_null() {
        unsafe { *out_flags = flags };
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let open = unsafe { Box::from_raw((*file.cast::<Handle>()).open) };
    open.unlock(ffi::SQLITE_LOCK_NONE)
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, _: c_int) -> c_int {
    super::delete(unsafe { text(name) })
}

unsafe extern "C" fn access(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    _: c_int,
    result: *mut c_int,
) -> c_int {
    unsafe { *result = c_int::from(super::exists(text(name))) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    size: c_int,
    full: *mut c_char,
) -> c_int {
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if bytes.len() > unsigned(size) {
        return ffi::SQLITE_CANTOPEN;
    }
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr().cast(), full, bytes.len()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    size: c_int,
    offset: i64,
) -> c_int {
    let buffer = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), unsigned(size)) };
    unsafe { opened(file) }.read(buffer, unsigned(offset))
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    size: c_int,
    offset: i64,
) -> c_int {
    let bytes = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), unsigned(size)) }.to_vec();
    let open = unsafe { opened(file) };
    open.tell(Operation::Write { file: open.file.clone(), offset: unsigned(offset), bytes })
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    let open = unsafe { opened(file) };
    open.tell(Operation::Truncate { file: open.file.clone(), size: unsigned(size) })
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    unsafe { opened(file) }.sync()
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    unsafe { *size = i64::try_from(opened(file).size()).unwrap_or(i64::MAX) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    unsafe { opened(file) }.lock(level)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    unsafe { opened(file) }.unlock(level)
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, reserved: *mut c_int) -> c_int {
    unsafe { *reserved = c_int::from(opened(file).is_reserved()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    c_int::try_from(super::SECTOR).unwrap_or(c_int::MAX)
}

/// None: writes are neither atomic nor in order, and a torn one may harm its neighbours.
unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    0
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    memory: *mut *mut c_void,
) -> c_int {
    unsafe { *memory = opened(file).map(unsigned(region), unsigned(size), extend != 0) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    unsafe { opened(file) }.lock_shared(unsigned(first), unsigned(count), flags)
}

unsafe extern "C" fn shm_barrier(_: *mut ffi::sqlite3_file) {
    fence(Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    let open = unsafe { opened(file) };
    let all = usize::try_from(ffi::SQLITE_SHM_NLOCK).unwrap_or(0);
    open.lock_shared(0, all, ffi::SQLITE_SHM_UNLOCK)
}
