//! Files in memory.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use tftp_proto::ErrorCode;

use crate::{Content, ContentError, FileRequest, NameError, Source, relative_path};

/// The bytes of one file, shared between the transfers that send it.
#[derive(Clone, Debug)]
pub struct Bytes(Arc<[u8]>);

impl<T: Into<Arc<[u8]>>> From<T> for Bytes {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl Source for Bytes {
    fn length(&self) -> Option<u64> {
        Some(self.0.len() as u64)
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, ContentError> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.0.get(offset..));
        let (head, tail) = (rest.unwrap_or_default(), buf);
        let count = head.len().min(tail.len());
        if let (Some(to), Some(from)) = (tail.get_mut(..count), head.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }
}

/// Files in memory, for reading only. A name means the same as below a [`Root`](crate::Root).
#[derive(Clone, Debug, Default)]
pub struct Memory {
    files: HashMap<PathBuf, Bytes>,
}

impl Memory {
    /// No files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, in the place of one of the same name.
    ///
    /// # Errors
    /// If no request could name it.
    pub fn insert(&mut self, name: &str, bytes: impl Into<Bytes>) -> Result<(), NameError> {
        self.files
            .insert(relative_path(name.as_bytes())?, bytes.into());
        Ok(())
    }
}

impl Content for Memory {
    fn open(&mut self, request: &FileRequest<'_>) -> Result<Box<dyn Source>, ContentError> {
        match self.files.get(&relative_path(request.name)?) {
            Some(bytes) => Ok(Box::new(bytes.clone())),
            None => Err(ErrorCode::FILE_NOT_FOUND.into()),
        }
    }
}
