"""How to get from files that hold no images, as they are, to some that do."""

from pathlib import Path

_VIDEO = (
    "is a film; cut it into images first, as with: ffmpeg -i FILE -vf fps=2"
    " FOLDER/%06d.png"
)
_HDF5 = (
    "is HDF5; save its images with h5py first, as with: numpy.savez('images.npz',"
    " images=f['images'][:], labels=f['labels'][:]), where f = h5py.File(FILE)"
)
_DICOM = (
    "is DICOM; save its pixels with pydicom first, as 16 bits to a PNG or into one"
    " .npy: pydicom.dcmread(FILE).pixel_array; then say which values are black and"
    " white, as with --value_range=0,4095"
)
_PICKLE = (
    "is a Python pickle, which can run any code when it is read; save its arrays first"
    " with numpy.savez('images.npz', images=…, labels=…)"
)
_NIFTI = (
    "is a volume; save its slices with nibabel first, as one .npy of shape (N, H, W),"
    " and say which values are black and white with --value_range"
)
_RECORDS = (
    "is TFRecord, which does not say what it holds; give --dataset=tfds:NAME, or save"
    " its images as files in folders of their classes"
)
_ARROW = (
    "is Arrow's own format; save it as Parquet first, as with"
    " datasets.load_from_disk(FOLDER)['train'].to_parquet('train.parquet')"
)
_RAW = "is a camera's raw file; develop it to TIFF, PNG or JPEG first"
_HEIC = "is HEIC; convert it first, as with: magick mogrify -format jpg *.heic"
_PACKED = "is an archive of another kind; unpack it, and give the folder"
_BY_SUFFIX = {
    **dict.fromkeys((".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg"), _VIDEO),
    **dict.fromkeys((".h5", ".hdf5", ".hdf", ".he5"), _HDF5),
    **dict.fromkeys((".dcm", ".dicom"), _DICOM),
    **dict.fromkeys((".pkl", ".pickle", ".p", ".pkz", ".joblib", ".pt"), _PICKLE),
    **dict.fromkeys((".nii", ".nii.gz", ".mha", ".nrrd"), _NIFTI),
    **dict.fromkeys((".tfrecord", ".tfrecords"), _RECORDS),
    **dict.fromkeys((".arrow", ".feather"), _ARROW),
    **dict.fromkeys((".cr2", ".nef", ".arw", ".dng", ".raf"), _RAW),
    **dict.fromkeys((".heic", ".heif"), _HEIC),
    **dict.fromkeys((".7z", ".rar"), _PACKED),
}
_HDF5_MAGIC, _DICOM_MAGIC, _DICOM_PLACE = b"\x89HDF\r\n\x1a\n", b"DICM", 128


def find(name: str) -> str | None:
    """Say what a file is and what to do with it, by its name; None: nothing known."""
    low = name.lower()
    found = [suffix for suffix in _BY_SUFFIX if low.endswith(suffix)]
    return _BY_SUFFIX[max(found, key=len)] if found else None


def look(path: Path) -> str | None:
    """Say what a file is and what to do with it, by its name or else its beginning."""
    if path.is_dir() or (known := find(path.name)):
        return None if path.is_dir() else known
    with path.open("rb") as file:
        head = file.read(_DICOM_PLACE + len(_DICOM_MAGIC))
    if head.startswith(_HDF5_MAGIC):
        return _HDF5
    return _DICOM if head[_DICOM_PLACE:] == _DICOM_MAGIC else None
