//! Files that a function makes when they are asked for.

use core::fmt;

use crate::{Content, ContentError, FileRequest, Source};

/// Files that a function makes when they are asked for, for reading only: a configuration for each MAC
/// address from one template, say.
///
/// The function gets the request as it came. It answers with a source: [`Bytes`](crate::Bytes) for
/// what it has in memory, [`Forward`](crate::Forward) for what it cannot read twice; or with an error,
/// [`ErrorCode::FILE_NOT_FOUND`](tftp_proto::ErrorCode::FILE_NOT_FOUND) for a file that it does not make.
pub struct Generated<F>(F);

impl<F> Generated<F>
where
    F: FnMut(&FileRequest<'_>) -> Result<Box<dyn Source>, ContentError> + Send,
{
    /// Files that `make` makes.
    pub const fn new(make: F) -> Self {
        Self(make)
    }
}

impl<F> fmt::Debug for Generated<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generated").finish_non_exhaustive()
    }
}

impl<F> Content for Generated<F>
where
    F: FnMut(&FileRequest<'_>) -> Result<Box<dyn Source>, ContentError> + Send,
{
    fn open(&mut self, request: &FileRequest<'_>) -> Result<Box<dyn Source>, ContentError> {
        (self.0)(request)
    }
}
