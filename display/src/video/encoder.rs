//! openh264's encoder, by its C interface: the safe wrapper cannot set a constant QP.
//!
//! Invariants of this module: `Encoder::handle` comes from `WelsCreateSVCEncoder`, is owned by one
//! `Encoder`, is initialized before `Encoder::new` returns, and is destroyed once, on drop.

#![allow(unsafe_code)]

use super::i420::I420;
use super::{MAX_LONG_SIDE, MAX_SHORT_SIDE, VideoError};
use openh264::OpenH264API;
use openh264_sys2::{
    API, CAMERA_VIDEO_REAL_TIME, ENCODER_OPTION_TRACE_LEVEL, ISVCEncoder, ISVCEncoderVtbl, LOW_COMPLEXITY,
    PRO_BASELINE, RC_OFF_MODE, SEncParamExt, SFrameBSInfo, SM_SINGLE_SLICE, SSourcePicture, WELS_LOG_QUIET,
    videoFormatI420, videoFrameTypeIDR, videoFrameTypeInvalid, videoFrameTypeSkip,
};
use std::os::raw::c_int;
use std::ptr::{addr_of_mut, null_mut};

/// Constant quantizer: at 24 moving text stays readable, and what stops moving is sent exact anyway.
const QP: c_int = 24;

/// Only decides the level written into the stream.
const FRAMES_PER_SECOND: f32 = 60.0;

/// ITU-T H.264 table E-3, E-4 and E-5: BT.709.
const BT709: u8 = 1;

/// Without its assembly openh264 falls back to C in silence and is several times slower: this
/// reference makes the link fail instead. Mend it by installing nasm and building afresh.
#[cfg(target_arch = "x86_64")]
#[used]
static NEEDS_ASSEMBLY: unsafe extern "C" fn() = {
    unsafe extern "C" {
        fn WelsSampleSad16x16_sse2();
    }
    WelsSampleSad16x16_sse2
};

/// An H.264 stream of pictures of one size: a key frame, then differences to the picture before.
pub struct Encoder {
    api: OpenH264API,
    handle: *mut ISVCEncoder,
    width: c_int,
    height: c_int,
    output: Box<SFrameBSInfo>,
}

// SAFETY: the encoder has no ties to the thread that made it; `&mut self` keeps calls apart.
unsafe impl Send for Encoder {}

impl Encoder {
    /// An encoder of `width` by `height` pixels, both multiples of 16.
    ///
    /// # Errors
    /// When the size cannot be coded or memory is short.
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
        let encoder =
            Self { api, handle, width: width as c_int, height: height as c_int, output: Box::default() };
        encoder.initialize()?;
        Ok(encoder)
    }

    fn initialize(&self) -> Result<(), VideoError> {
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
        layer.iDLayerQp = QP;
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
        check("start", unsafe { initialize(self.handle, &raw const settings) })
    }

    /// Codes the next picture and appends its access unit to `out`; true for a key frame.
    ///
    /// # Errors
    /// When the picture has another size than the encoder, or the codec fails.
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
        self.append_units(out);
        Ok(kind == videoFrameTypeIDR)
    }

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

fn check(doing: &'static str, code: c_int) -> Result<(), VideoError> {
    if code == 0 { Ok(()) } else { Err(VideoError::Codec { doing, code }) }
}

fn missing(doing: &'static str) -> VideoError {
    VideoError::Codec { doing, code: 0 }
}
