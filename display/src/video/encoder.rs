//! H.264 encoder over openh264's C interface, because the safe wrapper cannot set a constant QP.
//!
//! Invariants: `Encoder::handle` comes from `WelsCreateSVCEncoder`, is owned by one `Encoder`, is initialized
//! before `Encoder::new` returns, and is destroyed once, on drop.

#![allow(unsafe_code)]

use super::i420::I420;
use super::{MAX_LONG_SIDE, MAX_SHORT_SIDE, VideoError};
use openh264::OpenH264API;
use openh264_sys2::{
    API, CAMERA_VIDEO_REAL_TIME, ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, ENCODER_OPTION_TRACE_LEVEL,
    ISVCEncoder, ISVCEncoderVtbl, LOW_COMPLEXITY, PRO_BASELINE, RC_OFF_MODE, SEncParamExt, SFrameBSInfo,
    SM_SINGLE_SLICE, SSourcePicture, WELS_LOG_QUIET, videoFormatI420, videoFrameTypeIDR,
    videoFrameTypeInvalid, videoFrameTypeSkip,
};
use std::os::raw::c_int;
use std::ptr::{addr_of_mut, null_mut};

/// Frame rate given to openh264, which with rate control off only decides the level written into the stream.
const FRAMES_PER_SECOND: f32 = 60.0;

/// Value for BT.709 in ITU-T H.264 tables E-3 (primaries), E-4 (transfer) and E-5 (matrix).
const BT709: u8 = 1;

/// Reference to an assembly function of openh264: built without nasm, openh264 silently falls back to C,
/// several times slower. The reference makes linking fail instead; install nasm and build openh264 again.
#[cfg(target_arch = "x86_64")]
#[used]
static NEEDS_ASSEMBLY: unsafe extern "C" fn() = {
    unsafe extern "C" {
        fn WelsSampleSad16x16_sse2();
    }
    WelsSampleSad16x16_sse2
};

/// H.264 encoder of pictures of one size: a key frame first, then differences to the picture before.
pub struct Encoder {
    api: OpenH264API,
    handle: *mut ISVCEncoder,
    width: c_int,
    height: c_int,
    /// Description of the last picture's NAL units, filled by openh264.
    output: Box<SFrameBSInfo>,
    /// Settings that openh264 has now.
    settings: Box<SEncParamExt>,
    /// True after the first picture, on which later pictures depend.
    begun: bool,
}

// SAFETY: the encoder has no ties to the thread that made it; `&mut self` keeps calls apart.
unsafe impl Send for Encoder {}

impl Encoder {
    /// Creates an encoder of pictures of `width` by `height` pixels, both multiples of 16.
    ///
    /// # Errors
    /// When the size is no multiple of 16, zero or too large, or openh264 fails, for example for lack of
    /// memory.
    pub fn new(width: u32, height: u32) -> Result<Self, VideoError> {
        let (long, short) = (width.max(height), width.min(height));
        if short == 0
            || long > MAX_LONG_SIDE
            || short > MAX_SHORT_SIDE
            || !(width | height).is_multiple_of(16)
        {
            return Err(VideoError::Size(width, height));
        }
        let api = OpenH264API::from_source();
        let mut handle: *mut ISVCEncoder = null_mut();
        // SAFETY: `handle` is a place for the created encoder's pointer.
        check("create an encoder", unsafe { api.WelsCreateSVCEncoder(&raw mut handle) })?;
        if handle.is_null() {
            return Err(VideoError::Codec { doing: "create an encoder", code: 0 });
        }
        let (width, height) = (width as c_int, height as c_int);
        let (output, settings) = (Box::default(), Box::default());
        let mut encoder = Self { api, handle, width, height, output, settings, begun: false };
        encoder.initialize()?;
        Ok(encoder)
    }

    /// Initializes openh264 for encoding in real time: constant QP, no key frames by itself, one
    /// thread, one slice.
    fn initialize(&mut self) -> Result<(), VideoError> {
        let table = self.table();
        let mut quiet = WELS_LOG_QUIET;
        let mut settings = SEncParamExt::default();
        if let (Some(set_option), Some(defaults)) = (table.SetOption, table.GetDefaultParams) {
            // SAFETY: the handle is alive; both pointers are to locals of the types that the calls expect.
            unsafe {
                set_option(self.handle, ENCODER_OPTION_TRACE_LEVEL, addr_of_mut!(quiet).cast());
                check("give its defaults", defaults(self.handle, &raw mut settings))?;
            }
        }
        settings.iUsageType = CAMERA_VIDEO_REAL_TIME;
        settings.iPicWidth = self.width;
        settings.iPicHeight = self.height;
        settings.fMaxFrameRate = FRAMES_PER_SECOND;
        settings.iRCMode = RC_OFF_MODE;
        settings.iComplexityMode = LOW_COMPLEXITY;
        settings.uiIntraPeriod = 0;
        settings.bEnableFrameSkip = false;
        settings.bEnableBackgroundDetection = false;
        settings.bEnableSceneChangeDetect = false;
        settings.bEnableAdaptiveQuant = false;
        settings.bEnableDenoise = false;
        settings.bEnableLongTermReference = false;
        settings.iMultipleThreadIdc = 1;
        settings.iSpatialLayerNum = 1;
        settings.iTemporalLayerNum = 1;
        let [layer, ..] = &mut settings.sSpatialLayers;
        layer.iVideoWidth = self.width;
        layer.iVideoHeight = self.height;
        layer.fFrameRate = FRAMES_PER_SECOND;
        // No CABAC: measured (bench-encode; Chromium decoding in software) it takes 8 to 13 percent off the
        // bytes for 10 to 17 percent more time here and 25 to 40 percent more there. Deblocking stays on:
        // without it, bytes are 4 percent more and coding no faster.
        layer.uiProfileIdc = PRO_BASELINE;
        layer.sSliceArgument.uiSliceMode = SM_SINGLE_SLICE;
        layer.sSliceArgument.uiSliceNum = 1;
        layer.bVideoSignalTypePresent = true;
        layer.bColorDescriptionPresent = true;
        layer.bFullRange = false;
        layer.uiColorPrimaries = BT709;
        layer.uiTransferCharacteristics = BT709;
        layer.uiColorMatrix = BT709;
        let initialize = table.InitializeExt.ok_or(missing("start"))?;
        // SAFETY: the handle is alive and not yet initialized; the settings live through the call.
        check("start", unsafe { initialize(self.handle, &raw const settings) })?;
        *self.settings = settings;
        Ok(())
    }

    /// Reports whether the next picture is a key frame.
    pub fn is_new(&self) -> bool {
        !self.begun
    }

    /// Makes the next picture a key frame.
    ///
    /// # Errors
    /// When openh264 returns an error.
    pub fn force_key_frame(&mut self) -> Result<(), VideoError> {
        self.begun = false;
        let force = self.table().ForceIntraFrame.ok_or(missing("force a key frame"))?;
        // SAFETY: the handle is initialized.
        check("force a key frame", unsafe { force(self.handle, true) })
    }

    /// Sets the quantizer (QP, 0 finest to 51 coarsest) of the pictures that follow. A change causes no key
    /// frame.
    ///
    /// # Errors
    /// When openh264 returns an error.
    pub fn set_quantizer(&mut self, quantizer: u8) -> Result<(), VideoError> {
        let quantizer = c_int::from(quantizer);
        let [layer, ..] = &mut self.settings.sSpatialLayers;
        if layer.iDLayerQp == quantizer {
            return Ok(());
        }
        layer.iDLayerQp = quantizer;
        let set_option = self.table().SetOption.ok_or(missing("set its quantizer"))?;
        // openh264 compares all settings with the previous ones and restarts if it must; a new QP, with rate
        // control off, only takes effect.
        let settings = addr_of_mut!(*self.settings).cast();
        // SAFETY: the handle is initialized; the option takes a `SEncParamExt`, which it copies.
        let code = unsafe { set_option(self.handle, ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, settings) };
        check("set its quantizer", code)
    }

    /// Encodes the next picture and appends its access unit to `out`; returns true for a key frame.
    ///
    /// # Errors
    /// When the picture's size differs from the encoder's, or openh264 fails.
    pub fn encode(&mut self, picture: &I420, out: &mut Vec<u8>) -> Result<bool, VideoError> {
        let (width, height) = picture.size();
        if (width as c_int, height as c_int) != (self.width, self.height) {
            return Err(VideoError::Size(width, height));
        }
        let [y, u, v] = picture.planes();
        let chroma = self.width / 2;
        let source = SSourcePicture {
            iColorFormat: videoFormatI420,
            iStride: [self.width, chroma, chroma, 0],
            // The encoder copies from the planes and never writes to them.
            pData: [y.as_ptr().cast_mut(), u.as_ptr().cast_mut(), v.as_ptr().cast_mut(), null_mut()],
            iPicWidth: self.width,
            iPicHeight: self.height,
            uiTimeStamp: 0,
            bPsnrY: false,
            bPsnrU: false,
            bPsnrV: false,
        };
        let encode = self.table().EncodeFrame.ok_or(missing("encode"))?;
        // SAFETY: the handle is initialized; `I420` holds whole planes of the size and strides given,
        // which outlive the call; `output` is ours alone.
        check("encode", unsafe { encode(self.handle, &raw const source, &raw mut *self.output) })?;
        let kind = self.output.eFrameType;
        if kind == videoFrameTypeInvalid || kind == videoFrameTypeSkip {
            return Err(VideoError::Codec { doing: "encode", code: kind });
        }
        self.begun = true;
        self.append_units(out);
        Ok(kind == videoFrameTypeIDR)
    }

    /// Appends the NAL units of the last picture to `out`.
    fn append_units(&self, out: &mut Vec<u8>) {
        let layers = usize::try_from(self.output.iLayerNum).unwrap_or_default();
        for layer in self.output.sLayerInfo.iter().take(layers) {
            let units = usize::try_from(layer.iNalCount).unwrap_or_default();
            if units == 0 || layer.pNalLengthInByte.is_null() || layer.pBsBuf.is_null() {
                continue;
            }
            // SAFETY: after a successful EncodeFrame each layer points to `iNalCount` lengths and to
            // that many units one after the other, valid until the next call on the encoder.
            let unit_bytes = unsafe {
                let lengths = std::slice::from_raw_parts(layer.pNalLengthInByte, units);
                let total = lengths.iter().map(|length| usize::try_from(*length).unwrap_or_default()).sum();
                std::slice::from_raw_parts(layer.pBsBuf, total)
            };
            out.extend_from_slice(unit_bytes);
        }
    }

    /// Returns openh264's table of functions.
    fn table(&self) -> &ISVCEncoderVtbl {
        // SAFETY: the handle points to the encoder's table pointer, and both live until drop.
        unsafe { &**self.handle }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: the handle is alive, and nothing uses it afterwards. Uninitialize does nothing to an
        // encoder that failed to initialize.
        unsafe {
            if let Some(uninitialize) = self.table().Uninitialize {
                uninitialize(self.handle);
            }
            self.api.WelsDestroySVCEncoder(self.handle);
        }
    }
}

/// Converts a return code of openh264 to a result; 0 is success.
fn check(doing: &'static str, code: c_int) -> Result<(), VideoError> {
    if code == 0 { Ok(()) } else { Err(VideoError::Codec { doing, code }) }
}

/// Makes the error for a function that openh264's table lacks.
fn missing(doing: &'static str) -> VideoError {
    VideoError::Codec { doing, code: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framebuffer::Framebuffer;
    use oriel_wire::{Rect, Size};

    /// Returns a noise picture that differs a little between phases.
    fn noise(phase: u32) -> I420 {
        let size = Size::new(320, 192);
        let mut picture = Framebuffer::new(size);
        for y in 0..size.height {
            for (x, pixel) in (0..).zip(picture.row_mut(0, y, size.width).chunks_exact_mut(4)) {
                let grain = (((x + phase) / 3 * 7919) ^ (y / 3 * 104_729)) % 200;
                pixel.fill(grain as u8);
            }
        }
        let mut planes = I420::covering(size.width, size.height);
        planes.convert(&picture, Rect::new(0, 0, size.width, size.height)).unwrap();
        planes
    }

    #[test]
    fn a_coarser_quantizer_makes_smaller_pictures_and_costs_no_key_frame() {
        let mut encoder = Encoder::new(320, 192).unwrap();
        let mut encode = |phase, quantizer| {
            encoder.set_quantizer(quantizer).unwrap();
            let mut out = Vec::new();
            let key = encoder.encode(&noise(phase), &mut out).unwrap();
            assert_eq!(key, phase == 0, "picture {phase}");
            out.len()
        };
        encode(0, 24);
        let fine: usize = (1..6).map(|phase| encode(phase * 40, 24)).sum();
        let coarse: usize = (6..11).map(|phase| encode(phase * 40, 40)).sum();
        let fine_again: usize = (11..16).map(|phase| encode(phase * 40, 24)).sum();
        assert!(coarse * 2 < fine, "{fine}, then {coarse}");
        assert!(coarse * 2 < fine_again, "{coarse}, then {fine_again}");
    }

    #[test]
    fn a_key_frame_can_be_forced() {
        let mut encoder = Encoder::new(320, 192).unwrap();
        let mut out = Vec::new();
        for again in [false, false, true, false] {
            let expected = encoder.is_new() || again;
            if again {
                encoder.force_key_frame().unwrap();
            }
            assert_eq!(encoder.encode(&noise(0), &mut out).unwrap(), expected);
        }
    }
}
