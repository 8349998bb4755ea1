//! The GEOMETRY family to GeoJSON: coordinates are doubles in stored axis order x, y; the SRID is left out.
//!
//! Every element is read in sequence, so a count that lies ends at the end of the input.

use super::{
    CellFault, MAX_CELL_BYTES,
    element::{self, tag},
};

/// The most levels of collections. Each takes two levels of the document, of which the target allows a hundred.
const MAX_DEPTH: usize = 40;
const SRID_BYTES: usize = 4;

const POINT: u32 = 1;
const LINE_STRING: u32 = 2;
const POLYGON: u32 = 3;
const MULTI_POINT: u32 = 4;
const MULTI_LINE_STRING: u32 = 5;
const MULTI_POLYGON: u32 = 6;
const GEOMETRY_COLLECTION: u32 = 7;

/// Appends the payload of a geometry (four bytes of SRID, then WKB) and gives its type byte.
///
/// # Errors
/// [`CellFault::Geometry`] for what is not two-dimensional WKB, [`CellFault::Nesting`] and [`CellFault::TooLarge`];
/// `out` then ends in an unknown part of it.
pub fn append(out: &mut Vec<u8>, bytes: &[u8]) -> Result<u8, CellFault> {
    let well_known = bytes.get(SRID_BYTES..).ok_or(CellFault::Geometry)?;
    let most_bytes = out.len().saturating_add(MAX_CELL_BYTES);
    let mut reader = Reader { rest: well_known, big_endian: false, out, most_bytes };
    reader.geometry(0)?;
    if reader.rest.is_empty() { Ok(tag::DOCUMENT) } else { Err(CellFault::Geometry) }
}

/// The well-known binary of a geometry: what stands behind the four bytes of SRID. Its parts have none of their own.
///
/// # Errors
/// [`CellFault::Geometry`] when there is nothing behind them.
pub fn well_known(stored: &[u8]) -> Result<&[u8], CellFault> {
    stored.get(SRID_BYTES..).filter(|rest| !rest.is_empty()).ok_or(CellFault::Geometry)
}

struct Reader<'a, 'o> {
    rest: &'a [u8],
    big_endian: bool,
    out: &'o mut Vec<u8>,
    most_bytes: usize,
}

impl Reader<'_, '_> {
    /// A geometry of any kind as a GeoJSON object.
    fn geometry(&mut self, depth: usize) -> Result<(), CellFault> {
        if depth >= MAX_DEPTH {
            return Err(CellFault::Nesting);
        }
        let kind = self.head()?;
        let name = kind_name(kind).ok_or(CellFault::Geometry)?;
        let at = element::begin(self.out);
        self.out.push(tag::STRING);
        self.out.extend_from_slice(b"type\0");
        element::string(self.out, name.as_bytes());
        if kind == GEOMETRY_COLLECTION {
            self.named(b"geometries\0", |reader| {
                reader.items(tag::DOCUMENT, |reader| reader.geometry(depth + 1))
            })?;
        } else {
            self.named(b"coordinates\0", |reader| reader.coordinates(kind))?;
        }
        element::end(self.out, at);
        Ok(())
    }

    fn named(
        &mut self,
        name: &[u8],
        payload: impl FnOnce(&mut Self) -> Result<(), CellFault>,
    ) -> Result<(), CellFault> {
        self.out.push(tag::ARRAY);
        self.out.extend_from_slice(name);
        payload(self)
    }

    /// The `coordinates` array of a geometry whose head has been read.
    fn coordinates(&mut self, kind: u32) -> Result<(), CellFault> {
        match kind {
            POINT => self.position(),
            LINE_STRING => self.items(tag::ARRAY, Self::position),
            POLYGON => self.items(tag::ARRAY, |reader| reader.items(tag::ARRAY, Self::position)),
            MULTI_POINT => self.items(tag::ARRAY, |reader| reader.part(POINT)),
            MULTI_LINE_STRING => self.items(tag::ARRAY, |reader| reader.part(LINE_STRING)),
            MULTI_POLYGON => self.items(tag::ARRAY, |reader| reader.part(POLYGON)),
            _ => Err(CellFault::Geometry),
        }
    }

    /// A part of a multi-geometry: a whole geometry of its own, of which only the coordinates are told.
    fn part(&mut self, kind: u32) -> Result<(), CellFault> {
        if self.head()? != kind {
            return Err(CellFault::Geometry);
        }
        self.coordinates(kind)
    }

    /// An array of as many items as the count before them says.
    fn items(
        &mut self,
        item_tag: u8,
        mut item: impl FnMut(&mut Self) -> Result<(), CellFault>,
    ) -> Result<(), CellFault> {
        let count = self.number()?;
        let at = element::begin(self.out);
        for index in 0..count {
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            element::begin_item(self.out, item_tag, index);
            item(self)?;
            if self.out.len() > self.most_bytes {
                return Err(CellFault::TooLarge);
            }
        }
        element::end(self.out, at);
        Ok(())
    }

    /// `[x, y]`.
    fn position(&mut self) -> Result<(), CellFault> {
        let at = element::begin(self.out);
        for index in 0..2 {
            let bytes = self.take::<8>()?;
            let bits =
                if self.big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) };
            element::begin_item(self.out, tag::DOUBLE, index);
            self.out.extend_from_slice(&bits.to_le_bytes());
        }
        element::end(self.out, at);
        Ok(())
    }

    /// Byte order and type. The order holds until the next head.
    fn head(&mut self) -> Result<u32, CellFault> {
        let [order] = self.take()?;
        self.big_endian = match order {
            0 => true,
            1 => false,
            _ => return Err(CellFault::Geometry),
        };
        self.number()
    }

    fn number(&mut self) -> Result<u32, CellFault> {
        let bytes = self.take()?;
        Ok(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], CellFault> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(CellFault::Geometry)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

const fn kind_name(kind: u32) -> Option<&'static str> {
    Some(match kind {
        POINT => "Point",
        LINE_STRING => "LineString",
        POLYGON => "Polygon",
        MULTI_POINT => "MultiPoint",
        MULTI_LINE_STRING => "MultiLineString",
        MULTI_POLYGON => "MultiPolygon",
        GEOMETRY_COLLECTION => "GeometryCollection",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use bson::{Document, doc};
    use proptest::prelude::*;

    use super::*;

    fn convert(well_known: &[u8]) -> Result<Document, CellFault> {
        let mut out = Vec::new();
        append(&mut out, &[&4326_u32.to_le_bytes(), well_known].concat())?;
        Ok(Document::from_reader(out.as_slice()).expect("valid BSON"))
    }

    fn head(kind: u32) -> Vec<u8> {
        [&[1][..], &kind.to_le_bytes()].concat()
    }

    fn counted(kind: u32, items: &[Vec<u8>]) -> Vec<u8> {
        let count = u32::try_from(items.len()).unwrap().to_le_bytes();
        [head(kind), count.to_vec(), items.concat()].concat()
    }

    fn xy(x: f64, y: f64) -> Vec<u8> {
        [x.to_le_bytes(), y.to_le_bytes()].concat()
    }

    fn ring(points: &[Vec<u8>]) -> Vec<u8> {
        [u32::try_from(points.len()).unwrap().to_le_bytes().to_vec(), points.concat()].concat()
    }

    fn point(x: f64, y: f64) -> Vec<u8> {
        [head(POINT), xy(x, y)].concat()
    }

    #[test]
    fn the_whole_family_becomes_geojson() {
        let polygon = || counted(POLYGON, &[ring(&[xy(0., 0.), xy(1., 0.), xy(0., 0.)])]);
        let line = || counted(LINE_STRING, &[xy(1., 2.), xy(3., 4.)]);
        let outline = [[[0., 0.], [1., 0.], [0., 0.]].map(|pair| pair.to_vec()).to_vec()].to_vec();
        for (bytes, expected) in [
            (point(9.5, -3.25), doc! {"type": "Point", "coordinates": [9.5, -3.25]}),
            (line(), doc! {"type": "LineString", "coordinates": [[1., 2.], [3., 4.]]}),
            (polygon(), doc! {"type": "Polygon", "coordinates": outline.clone()}),
            (
                counted(MULTI_POINT, &[point(1., 2.)]),
                doc! {"type": "MultiPoint", "coordinates": [[1., 2.]]},
            ),
            (
                counted(MULTI_LINE_STRING, &[line()]),
                doc! {"type": "MultiLineString", "coordinates": [[[1., 2.], [3., 4.]]]},
            ),
            (
                counted(MULTI_POLYGON, &[polygon()]),
                doc! {"type": "MultiPolygon", "coordinates": [outline]},
            ),
            (
                counted(GEOMETRY_COLLECTION, &[]),
                doc! {"type": "GeometryCollection", "geometries": []},
            ),
            (
                counted(GEOMETRY_COLLECTION, &[counted(GEOMETRY_COLLECTION, &[]), point(1., 2.)]),
                doc! {"type": "GeometryCollection", "geometries": [
                    {"type": "GeometryCollection", "geometries": []},
                    {"type": "Point", "coordinates": [1., 2.]},
                ]},
            ),
        ] {
            assert_eq!(convert(&bytes), Ok(expected));
        }
    }

    #[test]
    fn both_byte_orders_are_read() {
        let big = [&[0][..], &POINT.to_be_bytes(), &1.5_f64.to_be_bytes(), &2.5_f64.to_be_bytes()]
            .concat();
        assert_eq!(convert(&big), Ok(doc! {"type": "Point", "coordinates": [1.5, 2.5]}));
        let mixed = counted(GEOMETRY_COLLECTION, &[big, point(1., 2.)]);
        assert!(convert(&mixed).is_ok());
    }

    /// Stored bytes and `ST_AsGeoJSON` of them by MySQL 9.7.4; a POINT of SRID 4326 is stored longitude first.
    #[test]
    fn agrees_with_the_servers_geojson() {
        for line in include_str!("testdata/geometry.txt").lines() {
            let (stored, text) = line.split_once('\t').unwrap();
            let stored: Vec<u8> = stored
                .as_bytes()
                .chunks(2)
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
                .collect();
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            append(&mut ours, &stored).unwrap();
            crate::codec::json::append_text(&mut theirs, text.as_bytes()).unwrap();
            assert_eq!(ours, theirs, "{text}");
        }
    }

    #[test]
    fn malformed_geometry_is_an_error() {
        let whole = point(1., 2.);
        for length in 0..whole.len() {
            assert_eq!(convert(&whole[..length]), Err(CellFault::Geometry));
        }
        assert_eq!(convert(&[&whole[..], &[0]].concat()), Err(CellFault::Geometry));
        assert_eq!(convert(&head(1_001)), Err(CellFault::Geometry));
        assert_eq!(
            convert(&counted(MULTI_POINT, &[counted(LINE_STRING, &[])])),
            Err(CellFault::Geometry)
        );
        assert_eq!(
            convert(&[head(LINE_STRING), u32::MAX.to_le_bytes().to_vec()].concat()),
            Err(CellFault::Geometry)
        );
        let deep = (0..50).fold(point(0., 0.), |inner, _| counted(GEOMETRY_COLLECTION, &[inner]));
        assert_eq!(convert(&deep), Err(CellFault::Nesting));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(kind in 0_u32..9, count in 0_u32..4, bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let input = [head(kind), count.to_le_bytes().to_vec(), bytes].concat();
            let mut out = Vec::new();
            let _ignored = append(&mut out, &input);
            let _ignored = convert(&input);
        }
    }
}
