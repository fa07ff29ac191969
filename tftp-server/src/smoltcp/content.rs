//! What a device serves and takes.

use tftp_proto::{ErrorCode, Event, Incoming, Length, Summary, TransferError};

/// The files of a device, read and written by offset while a [`Server`](super::Server) runs.
///
/// The bytes are those on the wire: a netascii transfer is not translated. A content that will not have
/// one refuses it, or translates with `tftp_proto::netascii`.
pub trait Content {
    /// An open file: whatever finds it again, such as a slot number or an offset in flash.
    type File;

    /// Opens a file to be sent, and tells its length on the wire.
    ///
    /// # Errors
    /// What the client is told instead: [`ErrorCode::FILE_NOT_FOUND`] if there is none of that name.
    fn open(&mut self, incoming: &Incoming<'_>) -> Result<(Self::File, Length), ErrorCode>;

    /// Makes room for a file that is to be taken. By default nothing is.
    ///
    /// # Errors
    /// What the client is told instead.
    fn create(&mut self, incoming: &Incoming<'_>) -> Result<Self::File, ErrorCode> {
        let _ = incoming;
        Err(ErrorCode::ACCESS_VIOLATION)
    }

    /// Reads the bytes at `offset` into `buf`, and tells how many: fewer than asked only where the file
    /// ends. Bytes that are read again must be the same.
    ///
    /// # Errors
    /// If they cannot be read. The transfer ends, and the client is told this.
    fn read_at(
        &mut self,
        file: &mut Self::File,
        offset: u64,
        buf: &mut [u8],
    ) -> Result<usize, ErrorCode>;

    /// The client has everything before `up_to`: those bytes are not asked for again.
    fn release(&mut self, file: &mut Self::File, up_to: u64) {
        let _ = (file, up_to);
    }

    /// Stores the next bytes of a file. Each byte comes once, in order. By default nothing is stored.
    ///
    /// # Errors
    /// If they cannot be stored. The transfer ends, and the client is told this.
    fn write(&mut self, file: &mut Self::File, bytes: &[u8]) -> Result<(), ErrorCode> {
        let _ = (file, bytes);
        Err(ErrorCode::ACCESS_VIOLATION)
    }

    /// The file is complete. The client hears so only after this has returned, so what "stored" promises
    /// belongs here: a checksum, a mark that makes the slot valid.
    ///
    /// # Errors
    /// If the file cannot be kept. The client is told this instead.
    fn commit(&mut self, file: &mut Self::File) -> Result<(), ErrorCode> {
        let _ = file;
        Ok(())
    }

    /// What each datagram of a transfer meant, before it is acted on: the place to log it.
    fn observe(&mut self, file: &mut Self::File, event: &Event<'_>) {
        let _ = (file, event);
    }

    /// The transfer is over. Of a file that was being taken and is not committed, nothing may look
    /// valid.
    fn close(&mut self, file: Self::File, result: Result<Summary, TransferError>) {
        let _ = (file, result);
    }
}
