//! Our own icon, as pixels: a server takes no other form that does not have to be installed.

use zbus::zvariant::Value;

const SIDE: i32 = 48;
const CHANNELS: i32 = 4;
const BITS: i32 = 8;

/// Red, green, blue and opacity of each pixel, row by row. `icon.svg` beside it is the drawing, and says how this is
/// made of it.
static PIXELS: &[u8] = include_bytes!("icon.rgba");

/// The hint `image-data`: width, height, bytes of a row, whether there is opacity, bits, channels, pixels.
pub(super) fn image_data() -> Value<'static> {
    Value::from((SIDE, SIDE, SIDE * CHANNELS, true, BITS, CHANNELS, PIXELS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_icon_is_as_large_as_it_says() {
        assert_eq!(i32::try_from(PIXELS.len()), Ok(SIDE * SIDE * CHANNELS));
        assert_eq!(image_data().value_signature().to_string(), "(iiibiiay)");
    }
}
