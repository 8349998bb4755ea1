//! Writes command bodies as BSON bytes, once and by hand: filters and documents are copied in as they are, and no
//! intermediate document exists.

use bson::RawDocumentBuf;

/// A document begins with its length.
const HEADER: usize = 4;
const STRING: u8 = 0x02;
const DOCUMENT: u8 = 0x03;
const ARRAY: u8 = 0x04;
const BOOLEAN: u8 = 0x08;
const INT32: u8 = 0x10;

/// A BSON document that is being written.
#[derive(Debug)]
pub(super) struct BodyWriter {
    bytes: Vec<u8>,
}

/// A document or array that has been begun. Not `Copy`: it is closed once.
#[must_use]
#[derive(Debug)]
pub(super) struct Open {
    start: usize,
}

impl BodyWriter {
    /// Begins a document that will take about so many bytes.
    pub(super) fn new(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend_from_slice(&[0; HEADER]);
        Self { bytes }
    }

    pub(super) fn string(&mut self, name: &str, value: &str) {
        self.element(STRING, name);
        self.length(value.len() + 1);
        self.bytes.extend_from_slice(value.as_bytes());
        self.bytes.push(0);
    }

    pub(super) fn boolean(&mut self, name: &str, value: bool) {
        self.element(BOOLEAN, name);
        self.bytes.push(u8::from(value));
    }

    pub(super) fn int32(&mut self, name: &str, value: i32) {
        self.element(INT32, name);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Copies a whole document in.
    pub(super) fn document(&mut self, name: &str, document: &[u8]) {
        self.element(DOCUMENT, name);
        self.bytes.extend_from_slice(document);
    }

    /// Copies a whole document in as the element of an array.
    pub(super) fn document_at(&mut self, index: usize, document: &[u8]) {
        self.element_at(DOCUMENT, index);
        self.bytes.extend_from_slice(document);
    }

    pub(super) fn open_document(&mut self, name: &str) -> Open {
        self.element(DOCUMENT, name);
        self.open()
    }

    pub(super) fn open_document_at(&mut self, index: usize) -> Open {
        self.element_at(DOCUMENT, index);
        self.open()
    }

    pub(super) fn open_array(&mut self, name: &str) -> Open {
        self.element(ARRAY, name);
        self.open()
    }

    #[expect(clippy::needless_pass_by_value, reason = "what is closed cannot be closed again")]
    pub(super) fn close(&mut self, open: Open) {
        let Open { start } = open;
        self.bytes.push(0);
        self.fill_in(start);
    }

    /// Ends the document. `None` for one past 2 GiB, which no limit lets through.
    pub(super) fn finish(mut self) -> Option<RawDocumentBuf> {
        self.bytes.push(0);
        self.fill_in(0);
        RawDocumentBuf::from_bytes(self.bytes).ok()
    }

    fn open(&mut self) -> Open {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEADER]);
        Open { start }
    }

    fn element(&mut self, kind: u8, name: &str) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
    }

    /// The name of an array's element is its index in decimal.
    fn element_at(&mut self, kind: u8, index: usize) {
        self.bytes.push(kind);
        push_decimal(&mut self.bytes, index);
        self.bytes.push(0);
    }

    fn length(&mut self, length: usize) {
        let length = i32::try_from(length).unwrap_or(i32::MAX);
        self.bytes.extend_from_slice(&length.to_le_bytes());
    }

    fn fill_in(&mut self, start: usize) {
        let length = i32::try_from(self.bytes.len() - start).unwrap_or(i32::MAX);
        if let Some(header) = self.bytes.get_mut(start..start + HEADER) {
            header.copy_from_slice(&length.to_le_bytes());
        }
    }
}

fn push_decimal(bytes: &mut Vec<u8>, number: usize) {
    if number >= 10 {
        push_decimal(bytes, number / 10);
    }
    bytes.push(b'0' + u8::try_from(number % 10).unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use bson::{Document, doc};

    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let inner = bson::serialize_to_vec(&doc! { "x": 1 }).unwrap();
        let mut body = BodyWriter::new(64);
        body.string("insert", "orders");
        let list = body.open_array("documents");
        for index in 0..12 {
            body.document_at(index, &inner);
        }
        body.close(list);
        body.boolean("ordered", false);
        let concern = body.open_document("writeConcern");
        body.int32("w", 2);
        body.close(concern);
        let read = Document::try_from(body.finish().unwrap()).unwrap();
        let documents: Vec<Document> = (0..12).map(|_| doc! { "x": 1 }).collect();
        let expected = doc! {
            "insert": "orders", "documents": documents, "ordered": false, "writeConcern": { "w": 2 },
        };
        assert_eq!(read, expected);
    }
}
