//! VECTOR: 32-bit floats in little-endian order, as MySQL and MariaDB both store them, to BSON's vector of the same
//! (<https://github.com/mongodb/specifications/blob/master/source/bson-binary-vector/bson-binary-vector.md>) or to an
//! array of doubles.

use super::{
    CellFault, MAX_CELL_BYTES,
    element::{self, tag},
};

/// Element type FLOAT32, and no padding bits.
const HEADER: [u8; 2] = [0x27, 0x00];

/// Appends the payload of a binary of subtype 9 and gives its type byte.
///
/// # Errors
/// [`CellFault::OutOfRange`] when the bytes are no whole number of floats.
pub fn append_binary(out: &mut Vec<u8>, bytes: &[u8]) -> Result<u8, CellFault> {
    if !bytes.len().is_multiple_of(4) {
        return Err(CellFault::OutOfRange);
    }
    let length = bytes.len().saturating_add(HEADER.len());
    out.extend_from_slice(&i32::try_from(length).unwrap_or(i32::MAX).to_le_bytes());
    out.push(element::subtype::VECTOR);
    out.extend_from_slice(&HEADER);
    out.extend_from_slice(bytes);
    Ok(tag::BINARY)
}

/// Appends the payload of an array of doubles, each float widened exactly, and gives its type byte.
///
/// # Errors
/// As [`append_binary`]; [`CellFault::TooLarge`].
pub fn append_array(out: &mut Vec<u8>, bytes: &[u8]) -> Result<u8, CellFault> {
    let (floats, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(CellFault::OutOfRange);
    }
    let most_bytes = out.len().saturating_add(MAX_CELL_BYTES);
    let at = element::begin(out);
    for (index, float) in floats.iter().enumerate() {
        element::begin_item(out, tag::DOUBLE, index);
        out.extend_from_slice(&f64::from(f32::from_le_bytes(*float)).to_le_bytes());
        if out.len() > most_bytes {
            return Err(CellFault::TooLarge);
        }
    }
    element::end(out, at);
    Ok(tag::ARRAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOATS: [f32; 3] = [1.0, 2.5, -0.1];

    fn bytes() -> Vec<u8> {
        FLOATS.iter().flat_map(|float| float.to_le_bytes()).collect()
    }

    #[test]
    fn the_binary_is_what_the_bson_crate_writes() {
        let mut out = Vec::new();
        assert_eq!(append_binary(&mut out, &bytes()), Ok(tag::BINARY));
        let theirs = bson::Binary::from(bson::binary::Vector::Float32(FLOATS.to_vec()));
        let length = i32::try_from(theirs.bytes.len()).unwrap().to_le_bytes();
        assert_eq!(out, [&length[..], &[9], &theirs.bytes].concat());
    }

    #[test]
    fn the_array_holds_the_floats_exactly() {
        let mut out = b"\0\0\0\0\x04v\0".to_vec();
        assert_eq!(append_array(&mut out, &bytes()), Ok(tag::ARRAY));
        element::end(&mut out, 0);
        let document = bson::Document::from_reader(out.as_slice()).unwrap();
        let floats: Vec<f64> =
            document.get_array("v").unwrap().iter().map(|item| item.as_f64().unwrap()).collect();
        assert_eq!(floats, FLOATS.map(f64::from));
    }

    #[test]
    fn half_a_float_is_refused() {
        assert_eq!(append_binary(&mut Vec::new(), &[0; 5]), Err(CellFault::OutOfRange));
        assert_eq!(append_array(&mut Vec::new(), &[0; 3]), Err(CellFault::OutOfRange));
    }
}
