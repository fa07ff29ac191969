//! Names to files: what may leave the root and what may not.

use std::{
    collections::HashMap,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions},
};
use tftp_proto::ErrorCode;

use super::{quota::Quotas, staging::Upload, uploads::Uploads};
use crate::{Content, ContentError, FileRequest, Sink, Source, relative_path};

/// What becomes of symbolic links below the root.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a link is followed never, sometimes or always"
)]
pub enum Symlinks {
    /// None is followed: neither in the name's directories nor at its end.
    Refuse,
    /// One is followed as long as it leads to something below the root, whether it says so relatively or
    /// absolutely. A firmware is often rolled out by switching a link.
    #[default]
    InsideRoot,
    /// All are followed. Whoever can make a link below the root can make any file readable that the
    /// server can read.
    Follow,
}

/// The files below a directory.
///
/// A name never leads out of the directory, whatever links or races there are: the system resolves it
/// beneath an open handle of the directory. Only regular files are served; a FIFO or a device is
/// refused, without waiting for it. Nothing can be written unless [`Root::uploads`] allows it.
///
/// An upload is written to a file with an unguessable name beside its target. Once it is complete it is
/// flushed to the disk and takes the target's name in one step; if it is not, it vanishes, and what was
/// there stays. Only if the server itself is killed a `.tftp-upload-` file is left, which can be removed.
/// Directories are not made.
#[derive(Debug)]
pub struct Root {
    dir: Dir,
    /// Where `dir` was, for links that are absolute.
    path: PathBuf,
    symlinks: Symlinks,
    uploads: Option<(Uploads, Quotas)>,
    /// Files that are being sent: a thousand clients of one image need one handle.
    open: HashMap<FileId, Weak<File>>,
}

type FileId = (u64, u64);

impl Root {
    /// The files below `path`, for reading.
    ///
    /// # Errors
    /// If `path` is not a directory that can be opened.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().canonicalize()?;
        Ok(Self {
            dir: Dir::open_ambient_dir(&path, ambient_authority())?,
            path,
            symlinks: Symlinks::default(),
            uploads: None,
            open: HashMap::new(),
        })
    }

    /// Sets what becomes of symbolic links.
    #[must_use]
    pub const fn symlinks(mut self, symlinks: Symlinks) -> Self {
        self.symlinks = symlinks;
        self
    }

    /// Allows writing.
    #[must_use]
    pub fn uploads(mut self, uploads: Uploads) -> Self {
        let quotas = Quotas::new(uploads.max_total, uploads.max_client);
        self.uploads = Some((uploads, quotas));
        self
    }

    fn open_file(&self, path: &Path) -> io::Result<File> {
        // A FIFO without a writer would block the open.
        let mut options = OpenOptions::new();
        options.read(true).nonblock(true);
        match self.symlinks {
            Symlinks::Refuse => {
                options.follow(FollowSymlinks::No);
                let (dir, leaf) = self.parent(path)?;
                dir.open_with(leaf, &options)
            }
            Symlinks::InsideRoot => match self.dir.open_with(path, &options) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    match self.target_inside(path) {
                        Some(target) => self
                            .dir
                            .open_with(target, options.follow(FollowSymlinks::No)),
                        None => Err(error),
                    }
                }
                result => result,
            },
            Symlinks::Follow => return open_anywhere(&self.path.join(path)),
        }
        .map(cap_std::fs::File::into_std)
    }

    /// Where a path with absolute links leads, if that is below the root. The caller opens it beneath the
    /// root, so that a link which changes meanwhile gains nothing.
    fn target_inside(&self, path: &Path) -> Option<PathBuf> {
        let target = self.path.join(path).canonicalize().ok()?;
        Some(target.strip_prefix(&self.path).ok()?.to_owned())
    }

    /// The directory that the last component of `path` is in, and that component.
    fn parent<'p>(&self, path: &'p Path) -> io::Result<(Dir, &'p Path)> {
        let leaf = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let dir = match (parent, self.symlinks) {
            (None, _) => self.dir.try_clone()?,
            (Some(parent), Symlinks::Refuse) => {
                let mut dir = self.dir.try_clone()?;
                for component in parent.iter() {
                    dir = dir.open_dir_nofollow(component)?;
                }
                dir
            }
            (Some(parent), Symlinks::InsideRoot) => match self.dir.open_dir(parent) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    match self.target_inside(parent) {
                        Some(target) => self.dir.open_dir(target)?,
                        None => return Err(error),
                    }
                }
                result => result?,
            },
            (Some(parent), Symlinks::Follow) => {
                Dir::open_ambient_dir(self.path.join(parent), ambient_authority())?
            }
        };
        Ok((dir, Path::new(leaf)))
    }

    /// The handle that others already have of the same file, if there is one.
    fn share(&mut self, file: File, id: Option<FileId>) -> Arc<File> {
        let Some(id) = id else { return Arc::new(file) };
        if let Some(shared) = self.open.get(&id).and_then(Weak::upgrade) {
            return shared;
        }
        if self.open.len() == self.open.capacity() {
            self.open.retain(|_, file| file.strong_count() > 0);
        }
        let file = Arc::new(file);
        self.open.insert(id, Arc::downgrade(&file));
        file
    }
}

#[cfg(unix)]
fn open_anywhere(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    File::options().read(true).custom_flags(nonblock).open(path)
}

#[cfg(not(unix))]
fn open_anywhere(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there is no number")]
fn file_id(metadata: &std::fs::Metadata) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
const fn file_id(_: &std::fs::Metadata) -> Option<FileId> {
    None
}

impl Content for Root {
    fn open(&mut self, request: &FileRequest<'_>) -> Result<Box<dyn Source>, ContentError> {
        let file = self.open_file(&relative_path(request.name)?)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(ErrorCode::ACCESS_VIOLATION.into());
        }
        let len = metadata.len();
        let file = self.share(file, file_id(&metadata));
        Ok(Box::new(super::disk::DiskFile::new(file, len)))
    }

    fn create(&mut self, request: &FileRequest<'_>) -> Result<Box<dyn Sink>, ContentError> {
        let Some((uploads, quotas)) = &mut self.uploads else {
            return Err(ErrorCode::ACCESS_VIOLATION.into());
        };
        let path = relative_path(request.name)?;
        // A text shrinks when it is translated, so its announced size says little.
        let announced = request
            .size
            .filter(|_| request.mode == tftp_proto::Mode::Octet);
        let announced = announced.unwrap_or_default();
        let share = quotas.share(request.peer.ip())?;
        if announced > uploads.max_file || !share.has_room(announced) {
            return Err(ErrorCode::DISK_FULL.into());
        }
        let uploads = *uploads;
        let (dir, leaf) = self.parent(&path)?;
        let follows = self.symlinks != Symlinks::Refuse;
        let upload = Upload::create(dir, leaf, announced, follows, &uploads, share)?;
        Ok(Box::new(upload))
    }
}
